// SPDX-License-Identifier: Apache-2.0
package import DICOM
package import Linux

/// Writes pixel data in other forms, in a process of its own.
package protocol PixelCodec: Sendable {
    /// The Part 10 file anew in `syntax`, one of `Transcoding.targets`. Only the pixel data's form changes; with `frame`,
    /// from 1, the file has that one only, of several that are encapsulated.
    func transcode(
        _ file: FileExtent,
        to syntax: UID,
        frame: Int?,
        priority: TransferPriority
    ) async throws(PixelDataError) -> TranscodedFile

    /// One frame of the Part 10 file as an image.
    func render(
        _ file: FileExtent,
        _ rendering: Rendering,
        priority: TransferPriority
    ) async throws(PixelDataError) -> FileExtent
}

/// A Part 10 file that is gone when nobody refers to it.
package struct TranscodedFile: Sendable {
    package let extent: FileExtent
    /// Where the data set starts in it.
    package let dataSetOffset: Int64

    package init(extent: FileExtent, dataSetOffset: Int64) {
        self.extent = extent
        self.dataSetOffset = dataSetOffset
    }
}
