// SPDX-License-Identifier: Apache-2.0
package import DICOM

/// What the gateway asks of a codec process, with two descriptors: the file that is read, and the one that is written.
package struct CodecRequest: Codable, Sendable {
    package enum Work: Codable, Sendable {
        /// The Part 10 file in this transfer syntax; with `frame`, from 1, that one of encapsulated pixel data.
        case transcode(to: String, frame: Int?)
        case render(Rendering)
    }

    /// Where the Part 10 file is in the file that is read.
    package let offset: Int64
    package let length: Int64
    package let work: Work

    package init(offset: Int64, length: Int64, work: Work) {
        self.offset = offset
        self.length = length
        self.work = work
    }
}

/// What a codec process answers when it has written, or has not.
package struct CodecReply: Codable, Sendable {
    /// Nil: it is written.
    package let problem: PixelDataError?
    /// Where the data set starts in a Part 10 file that was written.
    package let dataSetOffset: Int64

    package init(dataSetOffset: Int64) {
        problem = nil
        self.dataSetOffset = dataSetOffset
    }

    package init(_ problem: PixelDataError) {
        self.problem = problem
        dataSetOffset = 0
    }
}
