// SPDX-License-Identifier: Apache-2.0

/// How one frame is shown (PS3.18 8.3.5).
package struct Rendering: Codable, Equatable, Sendable {
    package enum Format: String, Codable, Sendable {
        case jpeg = "image/jpeg"
        case png = "image/png"

        package var mediaType: String { rawValue }
    }

    /// PS3.3 C.11.2.1.2, C.11.2.1.3.
    package struct Window: Codable, Equatable, Sendable {
        package enum Function: String, Codable, Sendable {
            case linear
            case linearExact = "linear-exact"
            case sigmoid
        }

        package var center: Double
        package var width: Double
        package var function: Function

        package init(center: Double, width: Double, function: Function) {
            self.center = center
            self.width = width
            self.function = function
        }
    }

    /// Pixels of the answer, and the region of the image that fills them; nil: all of it.
    package struct Viewport: Codable, Equatable, Sendable {
        package struct Region: Codable, Equatable, Sendable {
            package var left: Int
            package var top: Int
            package var width: Int
            package var height: Int

            package init(left: Int, top: Int, width: Int, height: Int) {
                self.left = left
                self.top = top
                self.width = width
                self.height = height
            }
        }

        package static let maximumSide = 8192
        package var width: Int
        package var height: Int
        package var region: Region?

        package init(width: Int, height: Int, region: Region? = nil) {
            self.width = width
            self.height = height
            self.region = region
        }
    }

    /// From 1.
    package var frame = 1
    package var format = Format.jpeg
    /// Of JPEG, 1 to 100.
    package var quality = 90
    /// Nil: the image's own.
    package var window: Window?
    /// Nil: as many pixels as the image has.
    package var viewport: Viewport?

    package init() {}
}
