// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import DICOM

@Suite("Coercion: what a table may say") struct CoercionTableTests {
    @Test("rules for what must not change are refused by name") func tables() throws {
        let refused: [(String, Coercion.Action, CoercionError)] = [
            ("PatientNmae", .empty, .unknownKeyword("PatientNmae")),
            ("00081234", .empty, .unknownKeyword("00081234")),
            ("StudyInstanceUID", .empty, .notCoercible("StudyInstanceUID", .uid)),
            ("SeriesInstanceUID", .keep, .notCoercible("SeriesInstanceUID", .uid)),
            ("SOPInstanceUID", .remove, .notCoercible("SOPInstanceUID", .uid)),
            ("00200052", .remove, .notCoercible("FrameOfReferenceUID", .uid)),
            ("SpecificCharacterSet", .empty, .notCoercible("SpecificCharacterSet", .characterSet)),
            ("PixelData", .remove, .notCoercible("PixelData", .pixelData)),
            ("7FE00010", .remove, .notCoercible("PixelData", .pixelData)),
            ("00280010", .remove, .notCoercible("00280010", .pixelData)),
            ("00020010", .remove, .notCoercible("00020010", .fileMetaInformation)),
            ("00091001", .remove, .notCoercible("00091001", .privateElement)),
            ("PatientID", .replace(["X"]), .notCoercible("PatientID", .identity)),
            ("OriginalAttributesSequence", .remove, .notCoercible("OriginalAttributesSequence", .provenance)),
            ("OtherPatientIDsSequence", .replace(["X"]), .notText("OtherPatientIDsSequence")),
            ("PatientName", .append(DataSet()), .notSequence("PatientName")),
            ("PatientBirthDate", .replace(["1979"]), .invalidValue("PatientBirthDate")),
            ("StudyID", .replace([String(repeating: "x", count: 17)]), .invalidValue("StudyID")),
            ("StudyDescription", .replace(["a\\b"]), .invalidValue("StudyDescription")),
            ("PatientSex", .replace(["f"]), .invalidValue("PatientSex")),
        ]
        for (keyword, action, error) in refused {
            #expect(throws: error, "\(keyword)") { try CoercionTests.table(changing: [keyword: action]) }
        }
        #expect(throws: CoercionError.invalidValue("PatientID")) {
            try CoercionTests.table(.init(patientID: ""))
        }
        let table = try CoercionTests.table(
            accession: .empty,
            changing: ["AccessionNumber": .keep, "IssuerOfPatientID": .keep]
        )
        #expect(
            table.rules.filter { $0.action != .keep }.map(\.tag) == [
                .patientID, .issuerOfPatientIDQualifiersSequence,
            ]
        )
        #expect(try CoercionTests.table(changing: ["00081030": .empty]).rules.first?.tag == .studyDescription)
        for (keyword, tag) in Coercion.keywords where Coercion.refusal(of: Tag(rawValue: tag)) == nil {
            #expect(DataDictionary.vr(of: Tag(rawValue: tag)) != .un, "\(keyword)")
        }
    }

    @Test("an issuer as HL7 writes it") func issuers() {
        let whole = Coercion.LocalIdentity(patientID: "1", issuer: "NS&1.2&ISO")
        #expect(whole == .init(patientID: "1", namespace: "NS", universalEntityID: "1.2"))
        #expect(
            Coercion.LocalIdentity(patientID: "1", issuer: "NS") == .init(patientID: "1", namespace: "NS")
        )
        #expect(
            Coercion.LocalIdentity(patientID: "1", issuer: "&1.2&ISO")
                == .init(patientID: "1", universalEntityID: "1.2")
        )
    }

    @Test("a rule of the configuration keeps the table's others away from its element") func ownRules() throws
    {
        var issuer = DataSet()
        issuer.set(.universalEntityID, "1.2.9")
        var dataSet = DataSet()
        dataSet.set(.accessionNumber, "ACN1")
        dataSet.set(.issuerOfAccessionNumberSequence, items: [issuer])
        dataSet.set(.patientID, "IPP1")
        dataSet.set(.requestAttributesSequence, items: [issuer])
        let table = try CoercionTests.table(
            .init(patientID: "IPP1"),
            accession: .empty,
            changing: ["IssuerOfAccessionNumberSequence": .keep, "RequestAttributesSequence": .remove]
        )
        let bytes = dataSet.encode()
        let head = try table.head(
            of: ByteSource(bytes),
            transferSyntax: TransferSyntax.explicitVRLittleEndian
        )
        let changed = try DataSet(
            decoding: head.edits.applied(to: bytes),
            transferSyntax: TransferSyntax.explicitVRLittleEndian
        )
        #expect(changed.items(.issuerOfAccessionNumberSequence).count == 1)
        #expect(changed[.requestAttributesSequence] == nil)
        #expect(changed[.accessionNumber]?.value == .bytes([]))
    }

    /// Four gigabytes of pixel data behind a header, and the memory of what was read.
    private struct HugeSource: DataSetSource {
        let head: [UInt8]
        var count: Int { head.count + 0xFFFF_FFF0 }
        var bytesRead = 0

        mutating func read(at offset: Int, count: Int) -> [UInt8] {
            let end = min(self.count, offset + count)
            bytesRead += end - offset
            return (offset..<end).map { $0 < head.count ? head[$0] : 0 }
        }
    }

    @Test("pixel data is not read") func reads() throws {
        var set = DataSetBytes(.explicit)
        set.element(0x0010_0020, "LO", "FAR1")
        set.element(0x0040_A730, "SQ", [UInt8](repeating: 0, count: 900_000))
        set.element(0x7FE0_0010, "OW", [], length: 0xFFFF_FFF0)
        var source = HugeSource(head: set.bytes)
        let head = try CoercionTests.table().head(
            of: &source,
            transferSyntax: TransferSyntax.explicitVRLittleEndian
        )
        #expect(head.isChanged)
        #expect((head.edits.last?.range.upperBound ?? .max) <= set.bytes.count - 12)
        #expect(source.bytesRead < 1 << 10)
    }
}
