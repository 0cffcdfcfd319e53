// SPDX-License-Identifier: Apache-2.0
// Draws a frame with WebGL2: indices and their grey levels are two textures, which the fragment shader puts together.

const vertexSource = `#version 300 es
in vec2 corner;
void main() { gl_Position = vec4(corner, 0.0, 1.0); }`;

// The four pixels around a place are mixed: indices before, colours behind the table. A place in the middle of a pixel is
// that pixel alone, so that an image drawn in its own size is exact.
const fragmentSource = `#version 300 es
precision highp float;
precision highp int;
precision highp usampler2D;
precision highp sampler2D;
uniform usampler2D indices;
uniform sampler2D levels;
uniform sampler2D colours;
uniform int kind;
uniform bool isSmooth;
uniform bool isInverted;
uniform float height;
uniform vec2 size;
uniform vec3 across;
uniform vec3 down;
out vec4 result;
vec4 level(float index) {
  int i = int(index + 0.5);
  return texelFetch(levels, ivec2(i & 255, i >> 8), 0);
}
float indexAt(ivec2 p) { return float(texelFetch(indices, p, 0).r); }
vec4 colourAt(ivec2 p) { return kind == 2 ? texelFetch(colours, p, 0) : level(indexAt(p)); }
void main() {
  vec3 place = vec3(gl_FragCoord.x, height - gl_FragCoord.y, 1.0);
  vec2 p = vec2(dot(across, place), dot(down, place));
  if (p.x < 0.0 || p.y < 0.0 || p.x >= size.x || p.y >= size.y) { result = vec4(0.0, 0.0, 0.0, 1.0); return; }
  vec4 colour;
  if (isSmooth) {
    vec2 q = p - 0.5;
    vec2 part = fract(q);
    ivec2 last = ivec2(size) - 1;
    ivec2 a = clamp(ivec2(floor(q)), ivec2(0), last);
    ivec2 d = clamp(ivec2(floor(q)) + 1, ivec2(0), last);
    if (kind == 0) {
      float top = mix(indexAt(a), indexAt(ivec2(d.x, a.y)), part.x);
      float bottom = mix(indexAt(ivec2(a.x, d.y)), indexAt(d), part.x);
      colour = level(mix(top, bottom, part.y));
    } else {
      vec4 top = mix(colourAt(a), colourAt(ivec2(d.x, a.y)), part.x);
      vec4 bottom = mix(colourAt(ivec2(a.x, d.y)), colourAt(d), part.x);
      colour = mix(top, bottom, part.y);
    }
  } else {
    colour = colourAt(ivec2(p));
  }
  if (isInverted) colour.rgb = 1.0 - colour.rgb;
  result = vec4(colour.rgb, 1.0);
}`;

/** Null where the browser has no WebGL2, or makes it without a graphics card: then a 2D canvas is many times faster. */
export function glRenderer(canvas) {
  const gl = canvas.getContext("webgl2", {
    alpha: false, antialias: false, preserveDrawingBuffer: true, failIfMajorPerformanceCaveat: true });
  return gl ? new GLRenderer(canvas, gl) : null;
}

class GLRenderer {
  constructor(canvas, gl) {
    Object.assign(this, { canvas, gl, name: "WebGL2", frame: null, table: null });
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => {
      this.prepare();
      this.onRestore?.();
    });
    this.prepare();
  }

  prepare() {
    const { gl } = this;
    const program = gl.createProgram();
    for (const [type, source] of [[gl.VERTEX_SHADER, vertexSource], [gl.FRAGMENT_SHADER, fragmentSource]]) {
      const shader = gl.createShader(type);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
      throw new Error(`WebGL2: ${gl.getProgramInfoLog(program)}`);
    }
    gl.useProgram(program);
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 1, -1, -1, 1, 1, 1]), gl.STATIC_DRAW);
    const corner = gl.getAttribLocation(program, "corner");
    gl.enableVertexAttribArray(corner);
    gl.vertexAttribPointer(corner, 2, gl.FLOAT, false, 0, 0);
    this.at = (name) => gl.getUniformLocation(program, name);
    ["indices", "levels", "colours"].forEach((name, unit) => {
      gl.activeTexture(gl.TEXTURE0 + unit);
      gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
      for (const [key, setting] of [[gl.TEXTURE_MIN_FILTER, gl.NEAREST], [gl.TEXTURE_MAG_FILTER, gl.NEAREST],
        [gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE], [gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE]]) {
        gl.texParameteri(gl.TEXTURE_2D, key, setting);
      }
      gl.uniform1i(this.at(name), unit);
    });
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    this.largest = gl.getParameter(gl.MAX_TEXTURE_SIZE);
    this.frame = this.table = null;
  }

  /** Whether a frame of this size can be drawn. */
  takes(rows, columns) {
    return rows <= this.largest && columns <= this.largest;
  }

  upload(frame, columns, rows, table) {
    const { gl } = this;
    if (frame !== this.frame) {
      this.frame = frame;
      if (frame.kind === "grey") {
        gl.activeTexture(gl.TEXTURE0);
        gl.texImage2D(gl.TEXTURE_2D, 0, gl.R16UI, columns, rows, 0, gl.RED_INTEGER, gl.UNSIGNED_SHORT, frame.data);
      } else {
        gl.activeTexture(gl.TEXTURE2);
        const bytes = new Uint8Array(frame.data.buffer);
        gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, columns, rows, 0, gl.RGBA, gl.UNSIGNED_BYTE, bytes);
      }
    }
    if (table && table !== this.table) {
      this.table = table;
      const words = new Uint32Array(65536);
      const colours = new Uint8Array(words.buffer);
      if (table.colours) colours.set(table.colours);
      else for (let index = 0; index < table.levels.length; index += 1) words[index] = table.levels[index] * 0x01010101;
      gl.activeTexture(gl.TEXTURE1);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, 256, 256, 0, gl.RGBA, gl.UNSIGNED_BYTE, colours);
    }
  }

  /** `toImage` maps the canvas's pixels to image coordinates; `table` has levels or colours of indices. */
  draw({ frame, rows, columns, table, toImage, isSmooth, isInverted }) {
    const { gl, canvas } = this;
    if (gl.isContextLost()) return;
    this.upload(frame, columns, rows, table);
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.uniform1i(this.at("kind"), frame.kind === "colour" ? 2 : table.colours ? 1 : 0);
    gl.uniform1i(this.at("isSmooth"), isSmooth ? 1 : 0);
    gl.uniform1i(this.at("isInverted"), isInverted ? 1 : 0);
    gl.uniform1f(this.at("height"), canvas.height);
    gl.uniform2f(this.at("size"), columns, rows);
    gl.uniform3f(this.at("across"), toImage[0], toImage[2], toImage[4]);
    gl.uniform3f(this.at("down"), toImage[1], toImage[3], toImage[5]);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }

  clear() {
    const { gl } = this;
    gl.clearColor(0, 0, 0, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
  }
}
