// SPDX-License-Identifier: Apache-2.0
import DICOM
import Linux
import Testing

@Suite("DICOMDIR") struct FileSetDirectoryTests {
    private func file(_ number: Int, _ keys: DataSet) throws -> FileSetDirectory.File {
        var keys = keys
        keys.set(.studyInstanceUID, uids: [try #require(UID("1.2.1"))])
        keys.set(.seriesInstanceUID, uids: [try #require(UID("1.2.2"))])
        return .init(
            path: ["DICOM", "IM00000\(number)"],
            sopInstanceUID: try #require(UID("1.2.3.\(number)")),
            transferSyntax: TransferSyntax.explicitVRLittleEndian,
            keys: keys
        )
    }

    private func records(_ files: [FileSetDirectory.File]) throws -> [DataSet] {
        let bytes = FileSetDirectory(files).encode(
            sopInstanceUID: try #require(UID("1.2.9")),
            identifier: "TEST"
        )
        let (meta, start) = try bytes.withRawSpan { span throws(DataSetError) in
            try FileMetaInformation.decode(span)
        }
        let set = try DataSet(decoding: Array(bytes[start...]), transferSyntax: meta.transferSyntaxUID)
        return set.items(Tag(0x0004, 0x1220))
    }

    @Test("what a directory has to have is there where an instance has it not")
    func substitutes() throws {
        let found = try records([file(1, DataSet())])
        #expect(found.compactMap { $0.text(Tag(0x0004, 0x1430)) } == ["PATIENT", "STUDY", "SERIES", "IMAGE"])
        for tag in [Tag(0x0010, 0x0020)] { #expect(found[0].text(tag) != nil) }
        for tag in [Tag(0x0008, 0x0020), Tag(0x0008, 0x0030), Tag(0x0020, 0x0010)] {
            #expect(found[1].text(tag) != nil)
        }
        for tag in [Tag(0x0008, 0x0060), Tag(0x0020, 0x0011)] { #expect(found[2].text(tag) != nil) }
        #expect(found[3].text(Tag(0x0020, 0x0013)) == "0")
        #expect(found[3].texts(Tag(0x0004, 0x1500)) == ["DICOM", "IM000001"])
    }

    @Test("a study under two patient identifiers is one below each")
    func twoPatients() throws {
        func keys(_ patient: String) -> DataSet {
            var keys = DataSet()
            keys.set(.patientID, patient)
            return keys
        }
        let found = try records([file(1, keys("A")), file(2, keys("B")), file(3, keys("A"))])
        let kinds = found.compactMap { $0.text(Tag(0x0004, 0x1430)) }
        #expect(
            kinds == ["PATIENT", "STUDY", "SERIES", "IMAGE", "IMAGE", "PATIENT", "STUDY", "SERIES", "IMAGE"]
        )
    }
}
