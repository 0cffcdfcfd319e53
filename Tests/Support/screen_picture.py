#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Draws a terminal's screen as a camera sees it: `screen_picture.py OUTPUT.png [--dark-on-light] [--size PIXELS] [--blur SHARE]`.

Takes the lines from standard input and puts each character into its cell of an 80x24 screen.
"""
import argparse
import sys

from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf"
COLUMNS, ROWS = 80, 24


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output")
    parser.add_argument("--dark-on-light", action="store_true")
    parser.add_argument("--size", type=int, default=16)
    parser.add_argument("--blur", type=float, default=0.25, help="of the size: grows with the distance")
    arguments = parser.parse_args()
    lines = sys.stdin.read().splitlines()
    if len(lines) > ROWS or any(len(line) > COLUMNS for line in lines):
        sys.exit(f"{len(lines)} lines of up to {max(map(len, lines))} columns, expected {ROWS} of {COLUMNS}")
    font = ImageFont.truetype(FONT, arguments.size)
    width, height = font.getlength("M"), sum(font.getmetrics())
    paper, ink = (235, 20) if arguments.dark_on_light else (20, 220)
    picture = Image.new("L", (round(width * COLUMNS), height * ROWS), paper)
    pen = ImageDraw.Draw(picture)
    for row, line in enumerate(lines):
        for column, character in enumerate(line):
            pen.text((column * width, row * height), character, font=font, fill=ink)
    # A lens does not see the strokes.
    ImageOps.autocontrast(picture.filter(ImageFilter.GaussianBlur(arguments.size * arguments.blur))).save(arguments.output)


if __name__ == "__main__":
    main()
