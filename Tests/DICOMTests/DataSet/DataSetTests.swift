// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import DICOM

@Suite("Data sets held whole") struct DataSetTests {
    @Test(
        "elements are written in order, padded, with the dictionary's VR; and read back",
        arguments: [TransferSyntax.explicitVRLittleEndian, TransferSyntax.implicitVRLittleEndian]
    )
    func roundTrip(syntax: UID) throws {
        var item = DataSet()
        item.set(.referencedSOPInstanceUID, uids: [UID(literal: "2.25.1")])
        var dataSet = DataSet()
        dataSet.set(.referencedSOPSequence, items: [item, DataSet()])
        dataSet.set(.patientName, "A^B")
        dataSet.set(.modality, texts: ["CT", "MR"])
        dataSet.setEmpty(.studyDate)
        #expect(dataSet.elements.map(\.tag) == dataSet.elements.map(\.tag).sorted())
        let read = try DataSet(decoding: dataSet.encode(transferSyntax: syntax), transferSyntax: syntax)
        #expect(read == dataSet)
        #expect(read.text(.patientName) == "A^B")
        #expect(read.texts(.modality) == ["CT", "MR"])
        #expect(read.text(.studyDate) == nil)
        #expect(
            read.items(.referencedSOPSequence).first?.uid(.referencedSOPInstanceUID) == UID(literal: "2.25.1")
        )
    }

    @Test("PS3.5 7.5: sequences and items of undefined length") func undefinedLength() throws {
        let bytes: [UInt8] = [
            0x08, 0x00, 0x99, 0x11, 0x53, 0x51, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF,  // (0008,1199) SQ
            0xFE, 0xFF, 0x00, 0xE0, 0xFF, 0xFF, 0xFF, 0xFF,  // item
            0x08, 0x00, 0x55, 0x11, 0x55, 0x49, 0x04, 0x00, 0x31, 0x2E, 0x32, 0x00,  // (0008,1155) UI 1.2
            0xFE, 0xFF, 0x0D, 0xE0, 0, 0, 0, 0, 0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0,
            0x20, 0x00, 0x13, 0x00, 0x49, 0x53, 0x02, 0x00, 0x37, 0x20,  // (0020,0013) IS 7
        ]
        let dataSet = try DataSet(decoding: bytes, transferSyntax: TransferSyntax.explicitVRLittleEndian)
        #expect(
            dataSet.items(.referencedSOPSequence).map { $0.uid(.referencedSOPInstanceUID) } == [
                UID(literal: "1.2")
            ]
        )
        #expect(dataSet.integer(.instanceNumber) == 7)
        for length in 1..<bytes.count where length != 48 {
            #expect(throws: DataSetError.self, "\(length)") {
                try DataSet(
                    decoding: Array(bytes.prefix(length)),
                    transferSyntax: TransferSyntax.explicitVRLittleEndian
                )
            }
        }
    }

    @Test("nesting has a limit") func nesting() {
        var dataSet = DataSet()
        for _ in 0..<40 {
            var outer = DataSet()
            outer.set(.referencedSOPSequence, items: [dataSet])
            dataSet = outer
        }
        let bytes = dataSet.encode()
        #expect(throws: DataSetError.self) {
            try DataSet(decoding: bytes, transferSyntax: TransferSyntax.explicitVRLittleEndian)
        }
    }

    @Test(
        "a query announces the smallest character set that fits",
        arguments: [
            ("DUPONT*", nil), ("LÉA*", "ISO_IR 100"), ("ŽIŽEK*", "ISO_IR 192"),
        ] as [(String, String?)]
    )
    func characterSets(name: String, expected: String?) throws {
        var query = QueryIdentifier(level: .study)
        query.match(.patientName, name)
        let dataSet = query.dataSet
        #expect(dataSet.text(.specificCharacterSet) == expected)
        let read = try DataSet(
            decoding: dataSet.encode(),
            transferSyntax: TransferSyntax.explicitVRLittleEndian
        )
        #expect(read.text(.patientName) == name)
    }

    @Test("PS3.4 C.2.2.2: dates, lists, wildcards, universal matching") func query() {
        var query = QueryIdentifier(level: .series)
        query.match(.studyInstanceUID, [UID(literal: "1.2"), UID(literal: "1.3")])
        query.match(.studyDate, from: "20260101", to: nil)
        query.match(.studyTime, from: "08", to: "08")
        query.request(.modality, .seriesInstanceUID)
        let dataSet = query.dataSet
        #expect(dataSet.text(.queryRetrieveLevel) == "SERIES")
        #expect(dataSet.texts(.studyInstanceUID) == ["1.2", "1.3"])
        #expect(dataSet.text(.studyDate) == "20260101-")
        #expect(dataSet.text(.studyTime) == "08")
        #expect(dataSet[.modality] != nil && dataSet.text(.modality) == nil)
    }
}
