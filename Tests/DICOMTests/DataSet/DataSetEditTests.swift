// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import DICOM

@Suite("Adding an item to a stored data set") struct DataSetEditTests {
    private static let little = [
        TransferSyntax.explicitVRLittleEndian, TransferSyntax.implicitVRLittleEndian,
        UID(literal: "1.2.840.10008.1.2.4.80"),
    ]

    private func item(_ identifier: String) -> DataSet {
        var item = DataSet()
        item.set(.patientID, identifier)
        return item
    }

    private func image(_ others: [DataSet]?) -> DataSet {
        var image = DataSet()
        image.set(.modality, "CT")
        image.set(.patientID, "IPP1")
        if let others { image.set(.otherPatientIDsSequence, items: others) }
        image.set(.studyInstanceUID, uids: [UID(literal: "1.2.3")])
        return image
    }

    private func written(_ syntax: UID) -> UID {
        syntax == TransferSyntax.implicitVRLittleEndian ? syntax : TransferSyntax.explicitVRLittleEndian
    }

    @Test("the rest keeps its bytes, items that are there stay", arguments: little)
    func adds(syntax: UID) throws {
        for others in [nil, [], [item("A")], [item("A"), item("B")]] {
            let bytes = image(others).encode(transferSyntax: written(syntax))
            let edit = try #require(
                try ByteSource(bytes).edit(
                    adding: item("INS"),
                    to: .otherPatientIDsSequence,
                    transferSyntax: syntax
                )
            )
            let changed = edit.applied(to: bytes)
            #expect(changed.count == bytes.count + edit.growth)
            let read = try DataSet(decoding: changed, transferSyntax: written(syntax))
            #expect(read == image((others ?? []) + [item("INS")]))
        }
    }

    @Test("sequences of undefined length are replaced whole") func undefinedLength() throws {
        let head: [UInt8] = [0x10, 0, 0x20, 0, 0x4C, 0x4F, 2, 0, 0x50, 0x31]
        let sequence: [UInt8] = [
            0x10, 0, 0x02, 0x10, 0x53, 0x51, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF,
            0xFE, 0xFF, 0x00, 0xE0, 0xFF, 0xFF, 0xFF, 0xFF, 0x10, 0, 0x20, 0, 0x4C, 0x4F, 2, 0, 0x41, 0x31,
            0xFE, 0xFF, 0x0D, 0xE0, 0, 0, 0, 0, 0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0,
        ]
        let tail: [UInt8] = [0x20, 0, 0x13, 0, 0x49, 0x53, 2, 0, 0x37, 0x20]
        let syntax = TransferSyntax.explicitVRLittleEndian
        let edit = try #require(
            try ByteSource(head + sequence + tail)
                .edit(adding: item("INS"), to: .otherPatientIDsSequence, transferSyntax: syntax)
        )
        #expect(edit.range == head.count..<head.count + sequence.count)
        let read = try DataSet(decoding: edit.applied(to: head + sequence + tail), transferSyntax: syntax)
        #expect(read.items(.otherPatientIDsSequence).map { $0.text(.patientID) } == ["A1", "INS"])
        #expect(read.integer(.instanceNumber) == 7)
    }

    @Test("an item that is there is not added again") func isThere() throws {
        let bytes = image([item("INS")]).encode()
        let edit = try ByteSource(bytes).edit(
            adding: item("INS"),
            to: .otherPatientIDsSequence,
            transferSyntax: TransferSyntax.explicitVRLittleEndian
        )
        #expect(edit == nil)
    }

    @Test("data sets that cannot be pieced together stay as they are") func others() throws {
        for syntax in [TransferSyntax.explicitVRBigEndian, TransferSyntax.deflatedExplicitVRLittleEndian] {
            let edit = try ByteSource(image(nil).encode())
                .edit(adding: item("INS"), to: .otherPatientIDsSequence, transferSyntax: syntax)
            #expect(edit == nil)
        }
    }

    @Test("a damaged header is an error, not a cut image") func damaged() {
        var bytes = image([item("A")]).encode()
        bytes.removeLast(bytes.count - 40)
        #expect(throws: DataSetError.self) {
            try ByteSource(bytes).edit(
                adding: item("INS"),
                to: .otherPatientIDsSequence,
                transferSyntax: TransferSyntax.explicitVRLittleEndian
            )
        }
    }
}
