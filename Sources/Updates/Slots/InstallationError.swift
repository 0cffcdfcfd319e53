// SPDX-License-Identifier: Apache-2.0
import Linux

/// Why a release did not get into a slot.
package enum InstallationError: Error, Equatable, CustomStringConvertible {
    case slot(SlotError)
    case source(SourceFailure)
    /// No frame of the file gives the segment; the last one's reason.
    case segment(Int, file: String, SegmentRefusal)
    /// SHA-256 of the kernel image.
    case kernelImage(found: [UInt8], expected: [UInt8])
    case cancelled

    package var description: String {
        switch self {
        case .slot(let error): "\(error)"
        case .source(let failure): "\(failure)"
        case .segment(let index, let file, let refusal): "\(file): segment \(index): \(refusal)"
        case .kernelImage(let found, let expected):
            "kernel image: found SHA-256 \(found.hexadecimal), expected \(expected.hexadecimal)"
        case .cancelled: "the installation was cancelled"
        }
    }
}
