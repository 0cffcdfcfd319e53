// SPDX-License-Identifier: Apache-2.0

/// Why pixel data could not be written in another form, or shown.
package enum PixelDataError: Error, Codable, Equatable, Sendable, CustomStringConvertible {
    case unreadable
    case noPixelData
    case noSuchFrame
    case unsupported
    case damaged
    case tooLarge
    case outOfMemory
    case notWritten
    case timedOut(seconds: Int)
    /// The codec's process ended over it: how, in words.
    case crashed(String)
    /// There is no codec.
    case notAvailable(String)

    package var description: String {
        switch self {
        case .unreadable: "pixel data: found no whole Part 10 file"
        case .noPixelData: "pixel data: found none, expected an image"
        case .noSuchFrame: "frames: found a number beyond the last frame"
        case .unsupported: "pixel data: found a form that no codec here takes"
        case .damaged: "pixel data: found damaged data, expected what the attributes say"
        case .tooLarge: "pixel data: found more than may be decoded"
        case .outOfMemory: "pixel data: found more than the codec's memory holds"
        case .notWritten: "pixel data: the disk takes no more"
        case .timedOut(let seconds): "pixel data: found nothing decoded within \(seconds) s"
        case .crashed(let end): "pixel data: the codec ended over it (\(end))"
        case .notAvailable(let reason): "pixel data: there is no codec: \(reason)"
        }
    }

    /// Whether the same request may succeed later.
    package var isTransient: Bool {
        switch self {
        case .outOfMemory, .notWritten, .timedOut, .notAvailable: true
        default: false
        }
    }
}
