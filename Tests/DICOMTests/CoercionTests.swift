// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import DICOM

@Suite("Coercion: the table and what it does to a data set") struct CoercionTests {
    static let forms: [DataSetBytes.Form] = [.implicit, .explicit]
    static let nir = ManifestContext.Identifier(value: "279035121518989", authority: "1.2.250.1.213.1.4.8")

    static func table(
        _ identity: Coercion.LocalIdentity = .init(patientID: "IPP1", issuer: "HOSP&1.2.250.1.9&ISO"),
        national: ManifestContext.Identifier? = nil,
        accession: Coercion.AccessionNumber = .keep,
        institution: Coercion.Institution = .keep,
        changing: [String: Coercion.Action] = [:]
    ) throws -> Coercion {
        try Coercion.importing(
            identity,
            nationalIdentifier: national,
            accessionNumber: accession,
            institution: institution,
            equipment: .init(
                manufacturer: "DRIMbox",
                institutionName: "CHU",
                stationName: "BOX1",
                softwareVersion: "1",
                contributionDateTime: "20260101120000"
            ),
            record: .init(
                attributeModificationDateTime: "20260101120000",
                modifyingSystem: "DRIMBOX",
                sourceOfPreviousValues: "OTHER"
            ),
            changing: changing
        )
    }

    /// Only the rules given.
    private func rules(_ actions: [String: Coercion.Action]) throws -> Coercion {
        let base = try Self.table()
        return try Coercion(equipment: base.equipment, record: base.record).changing(actions)
    }

    private func image(_ form: DataSetBytes.Form, _ fill: (inout DataSetBytes) -> Void) -> [UInt8] {
        var set = DataSetBytes(form)
        fill(&set)
        return set.bytes
    }

    private func coerced(
        _ bytes: [UInt8],
        _ form: DataSetBytes.Form,
        _ table: Coercion
    ) throws -> (DataSet, CoercedHead) {
        let head = try table.head(of: ByteSource(bytes), transferSyntax: form.transferSyntax)
        let changed = head.edits.applied(to: bytes)
        #expect(changed.count == bytes.count + head.edits.growth)
        let again = try table.head(of: ByteSource(changed), transferSyntax: form.transferSyntax)
        #expect(again == CoercedHead(edits: [], warnings: []))
        return (try DataSet(decoding: changed, transferSyntax: form.transferSyntax), head)
    }

    /// The one item of former values.
    private func former(_ dataSet: DataSet) throws -> DataSet {
        let record = try #require(dataSet.items(.originalAttributesSequence).last)
        #expect(record.text(.reasonForTheAttributeModification) == "COERCE")
        #expect(record.text(.modifyingSystem) == "DRIMBOX")
        #expect(record.text(.sourceOfPreviousValues) == "OTHER")
        #expect(record.text(.attributeModificationDateTime) == "20260101120000")
        let items = record.items(.modifiedAttributesSequence)
        #expect(items.count == 1)
        return try #require(items.first)
    }

    @Test("the bytes of a replaced value", arguments: forms) func replaced(form: DataSetBytes.Form) throws {
        let bytes = image(form) {
            $0.element(0x0008_0060, "CS", "CT")
            $0.element(0x0010_0020, "LO", "FAR ")
            $0.element(0x0020_0013, "IS", "1")
        }
        let head = try rules(["PatientAge": .keep, "StudyID": .replace(["77"])])
            .head(of: ByteSource(bytes), transferSyntax: form.transferSyntax)
        let position = bytes.count
        // Nothing was there: study ID, both sequences.
        #expect(head.edits.count == 2)
        #expect(head.edits[0].range.lowerBound == bytes.count - 10 && head.edits[0].range.isEmpty)
        #expect(
            head.edits[1].range == position..<position || head.edits[1].range == position - 10..<position - 10
        )
        let patient = try Self.table().head(of: ByteSource(bytes), transferSyntax: form.transferSyntax)
        let expected = image(form) {
            $0.element(0x0010_0020, "LO", "IPP1")
            $0.element(0x0010_0021, "LO", "HOSP")
        }
        #expect(patient.edits[0].range == 10..<22)
        #expect(Array(patient.edits[0].bytes.prefix(expected.count)) == expected)
    }

    @Test("each action on a present, an empty and an absent element", arguments: forms)
    func actions(form: DataSetBytes.Form) throws {
        let actions: [(Coercion.Action, [String?: String?])] = [
            (.keep, ["OLD": "OLD", "": "", nil: nil]),
            (.replace(["NEW", "TWO"]), ["OLD": "NEW", "": "NEW", nil: "NEW"]),
            (.empty, ["OLD": "", "": "", nil: nil]),
            (.remove, ["OLD": nil, "": nil, nil: nil]),
        ]
        for (action, results) in actions {
            for (before, after) in results {
                let bytes = image(form) {
                    $0.element(0x0008_0060, "CS", "CT")
                    if let before { $0.element(0x0008_1048, "PN", before) }
                    $0.element(0x0020_000D, "UI", "1.2.3")
                }
                let (dataSet, head) = try coerced(bytes, form, rules(["PhysiciansOfRecord": action]))
                let tag = Tag(0x0008, 0x1048)
                #expect(
                    dataSet[tag].map { _ in dataSet.text(tag) ?? "" } == after,
                    "\(action) \(before ?? "-")"
                )
                let isChanged = before != after
                #expect(head.isChanged == isChanged)
                #expect(dataSet.items(.originalAttributesSequence).count == (isChanged ? 1 : 0))
                #expect(dataSet.items(.contributingEquipmentSequence).count == (isChanged ? 1 : 0))
                if isChanged {
                    let item = try former(dataSet)
                    #expect(item.elements.map(\.tag) == [tag])
                    #expect(item.text(tag) ?? "" == before ?? "")
                }
            }
        }
    }

    @Test("the identity of the archive, and the former one in the record", arguments: forms)
    func identity(form: DataSetBytes.Form) throws {
        let bytes = image(form) {
            $0.element(0x0008_0005, "CS", "ISO_IR 100")
            $0.element(0x0010_0010, "PN", [0x45, 0xE9])
            $0.element(0x0010_0020, "LO", "FAR1")
            $0.element(0x0010_0021, "LO", "FARNS")
            $0.undefinedSequence(0x0010_0024, opaque: false)
            $0.element(0x0010_0030, "DA", "19790328")
            $0.element(0x0020_000D, "UI", "1.2.3")
        }
        let identity = Coercion.LocalIdentity(
            patientID: "IPP9",
            namespace: "HOSP",
            universalEntityID: "1.2.250.1.9",
            patientName: "ÉTÉ^ANNE",
            birthDate: "19790328",
            sex: "F"
        )
        let (dataSet, head) = try coerced(bytes, form, Self.table(identity, national: Self.nir))
        #expect(head.warnings.isEmpty)
        #expect(dataSet.text(.patientID) == "IPP9")
        #expect(dataSet.text(.issuerOfPatientID) == "HOSP")
        let qualifiers = dataSet.items(.issuerOfPatientIDQualifiersSequence)
        #expect(qualifiers.count == 1)
        #expect(qualifiers.first?.text(.universalEntityID) == "1.2.250.1.9")
        #expect(qualifiers.first?.text(.universalEntityIDType) == "ISO")
        #expect(dataSet.text(.patientName) == "ÉTÉ^ANNE")
        #expect(dataSet.text(.patientSex) == "F")
        #expect(
            dataSet.items(.otherPatientIDsSequence).map { $0.encode() } == [
                ManifestBuilder.otherPatientID(Self.nir).encode()
            ]
        )
        let item = try former(dataSet)
        // The birth date is the same, and so no former value.
        #expect(
            item.elements.map(\.tag.hexadecimal)
                == ["00100010", "00100020", "00100021", "00100024", "00100040", "00101002"]
        )
        #expect(item.text(.patientName) == "Eé")
        #expect(item.text(.issuerOfPatientID) == "FARNS")
        #expect(item[.patientSex]?.value == .bytes([]))
        let equipment = try #require(dataSet.items(.contributingEquipmentSequence).first)
        #expect(equipment.items(.purposeOfReferenceCodeSequence).first?.text(.codeValue) == "109103")
        #expect(equipment.text(.manufacturer) == "DRIMbox")
        #expect(equipment.text(.contributionDateTime) == "20260101120000")
    }

    @Test("an issuer that is not known leaves none", arguments: forms) func noIssuer(form: DataSetBytes.Form)
        throws
    {
        let bytes = image(form) {
            $0.element(0x0010_0020, "LO", "FAR1")
            $0.element(0x0010_0021, "LO", "FARNS")
            $0.definedSequence(0x0010_0024, opaque: false)
        }
        let (dataSet, _) = try coerced(bytes, form, Self.table(.init(patientID: "IPP1")))
        #expect(dataSet[.issuerOfPatientID] == nil)
        #expect(dataSet[.issuerOfPatientIDQualifiersSequence] == nil)
        #expect(try former(dataSet).elements.count == 3)
    }

    @Test("a national identifier that is there is not added again", arguments: forms)
    func national(form: DataSetBytes.Form) throws {
        func others(_ items: [DataSet]) -> [UInt8] {
            var dataSet = DataSet()
            dataSet.set(.patientID, "IPP1")
            dataSet.set(.otherPatientIDsSequence, items: items)
            return dataSet.encode(transferSyntax: form.transferSyntax)
        }
        let nir = ManifestBuilder.otherPatientID(Self.nir)
        var sparse = nir
        sparse.set(.typeOfPatientID, "BARCODE")
        sparse.set(.issuerOfPatientID, "ASIP-SANTE-INS-NIR")
        let other = ManifestBuilder.otherPatientID(
            .init(value: Self.nir.value, authority: "1.2.250.1.213.1.4.9")
        )
        let table = try Self.table(.init(patientID: "IPP1"), national: Self.nir)
        for (items, count) in [([], 1), ([nir], 1), ([sparse], 1), ([other], 2), ([other, nir], 2)] {
            let (dataSet, head) = try coerced(others(items), form, table)
            #expect(dataSet.items(.otherPatientIDsSequence).count == count)
            #expect(head.isChanged == (count != items.count))
            #expect(Array(dataSet.items(.otherPatientIDsSequence).prefix(items.count)) == items)
        }
    }

    @Test("the accession number of images and reports", arguments: forms) func accession(
        form: DataSetBytes.Form
    )
        throws
    {
        var issuer = DataSetBytes(form)
        issuer.element(0x0040_0031, "UT", "FARLAB")
        let isReport = ["1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.88.59"]
        for (index, sopClass) in isReport.enumerated() {
            for (rule, left) in [
                (Coercion.AccessionNumber.empty, ""), (.local("LOCAL"), "LOCAL"), (.keep, "ACN01"),
            ] {
                let bytes = image(form) {
                    $0.element(0x0008_0016, "UI", sopClass)
                    $0.element(0x0008_0050, "SH", "ACN01")
                    $0.element(0x0008_0051, "SQ", [], length: .max)
                    $0.item(0xFFFE_E000, UInt32(issuer.bytes.count))
                    $0.bytes += issuer.bytes
                    $0.item(0xFFFE_E0DD, 0)
                    $0.element(0x0010_0020, "LO", "IPP1")
                    $0.element(0x0020_000D, "UI", "1.2.3")
                }
                let (dataSet, _) = try coerced(
                    bytes,
                    form,
                    Self.table(.init(patientID: "IPP1"), accession: rule)
                )
                #expect(dataSet.text(.accessionNumber) ?? "" == left)
                let requests = [Tag.requestAttributesSequence, .referencedRequestSequence]
                if rule == .keep {
                    #expect(dataSet[.issuerOfAccessionNumberSequence] != nil)
                    #expect(dataSet[.originalAttributesSequence] == nil)
                    continue
                }
                #expect(dataSet[.issuerOfAccessionNumberSequence] == nil)
                #expect(dataSet[requests[1 - index]] == nil)
                let item = try #require(dataSet.items(requests[index]).first)
                #expect(item.text(.accessionNumber) == "ACN01")
                #expect(
                    item.items(.issuerOfAccessionNumberSequence).first?.text(Tag(0x0040, 0x0031)) == "FARLAB"
                )
                #expect((item.uid(.studyInstanceUID) != nil) == (index == 1))
                #expect(try former(dataSet).text(.accessionNumber) == "ACN01")
                #expect(try former(dataSet)[requests[index]]?.value == .items([]))
            }
        }
    }

    @Test("a request that names the accession number already stays alone", arguments: forms)
    func request(form: DataSetBytes.Form) throws {
        var request = DataSet()
        request.set(.accessionNumber, "ACN1")
        request.set(.requestedProcedureID, "P")
        var dataSet = DataSet()
        dataSet.set(.accessionNumber, "ACN1")
        dataSet.set(.patientID, "IPP1")
        dataSet.set(.requestAttributesSequence, items: [request])
        let table = try Self.table(.init(patientID: "IPP1"), accession: .empty)
        let (changed, _) = try coerced(dataSet.encode(transferSyntax: form.transferSyntax), form, table)
        #expect(changed.items(.requestAttributesSequence) == [request])
        #expect(try former(changed).elements.map(\.tag) == [.accessionNumber])
    }

    @Test("an image that is local already stays as it is", arguments: forms) func local(
        form: DataSetBytes.Form
    )
        throws
    {
        var dataSet = DataSet()
        dataSet.set(.accessionNumber, "ACN1")
        dataSet.set(.patientID, "IPP1")
        dataSet.set(.issuerOfPatientID, "HOSP")
        var issuer = DataSet()
        issuer.set(.universalEntityID, "1.2.250.1.9")
        issuer.set(.universalEntityIDType, "ISO")
        dataSet.set(.issuerOfPatientIDQualifiersSequence, items: [issuer])
        dataSet.set(.otherPatientIDsSequence, items: [ManifestBuilder.otherPatientID(Self.nir)])
        let head = try Self.table(national: Self.nir, accession: .local("ACN1"))
            .head(
                of: ByteSource(dataSet.encode(transferSyntax: form.transferSyntax)),
                transferSyntax: form.transferSyntax
            )
        #expect(!head.isChanged)
    }

    @Test("names are folded where the character set is too small, identifiers are not")
    func characterSets() throws {
        for (set, folded) in [("", true), ("ISO_IR 100", false), ("ISO_IR 192", false), ("ISO_IR 144", true)]
        {
            let bytes = image(.explicit) {
                if !set.isEmpty { $0.element(0x0008_0005, "CS", set) }
                $0.element(0x0010_0010, "PN", "OLD")
            }
            let identity = Coercion.LocalIdentity(patientID: "IPP1", patientName: "Çélîneß^D’ARÇ")
            let name = identity.patientName.map { set == "ISO_IR 100" ? $0.replacing("’", with: "'") : $0 }
            let table = try Self.table(.init(patientID: "IPP1", patientName: name))
            let (dataSet, head) = try coerced(bytes, .explicit, table)
            #expect(head.warnings == (folded ? [.folded(.patientName)] : []))
            #expect(dataSet.text(.patientName) == (folded ? "Celiness^D'ARC" : name))
            #expect(dataSet.texts(.specificCharacterSet) == (set.isEmpty ? [] : [set]))
        }
        let bytes = image(.explicit) { $0.element(0x0010_0010, "PN", "OLD") }
        #expect(throws: DataSetError.notEncodable(.patientID)) {
            try Self.table(.init(patientID: "É1"))
                .head(of: ByteSource(bytes), transferSyntax: TransferSyntax.explicitVRLittleEndian)
        }
        #expect(throws: DataSetError.notEncodable(.patientName)) {
            try Self.table(.init(patientID: "1", patientName: "Ж"))
                .head(of: ByteSource(bytes), transferSyntax: TransferSyntax.explicitVRLittleEndian)
        }
    }

    @Test("signatures go to the record, from behind the pixel data", arguments: [false, true])
    func signatures(isEncapsulated: Bool) throws {
        let bytes = image(.explicit) {
            $0.element(0x0010_0020, "LO", "FAR1")
            $0.definedSequence(0x4FFE_0001, opaque: false)
            if isEncapsulated {
                $0.element(0x7FE0_0010, "OB", [], length: .max)
                $0.item(0xFFFE_E000, 0)
                $0.item(0xFFFE_E000, 4)
                $0.bytes += [1, 2, 3, 4]
                $0.item(0xFFFE_E0DD, 0)
            } else {
                $0.element(0x7FE0_0010, "OW", [UInt8](repeating: 7, count: 100_000))
            }
            $0.undefinedSequence(0xFFFA_FFFA, opaque: false)
        }
        let head = try Self.table().head(
            of: ByteSource(bytes),
            transferSyntax: TransferSyntax.explicitVRLittleEndian
        )
        #expect(head.warnings == [.signaturesRemoved])
        #expect(head.edits.last?.bytes == [])
        let changed = try TopLevel(head.edits.applied(to: bytes), isImplicit: false)
        #expect(changed[0x4FFE_0001] == nil && changed[0xFFFA_FFFA] == nil)
        let original = try TopLevel(bytes, isImplicit: false)
        #expect(changed[0x7FE0_0010] == original[0x7FE0_0010])
        let record = try #require(changed.items(0x0400_0561).first)
        let modified = try #require(try TopLevel(record, isImplicit: false).items(0x0400_0550).first)
        let former = try TopLevel(modified, isImplicit: false)
        for tag: UInt32 in [0x4FFE_0001, 0xFFFA_FFFA] { #expect(former[tag] == original[tag]) }
    }

    @Test("group lengths that would be wrong go, others stay") func groupLengths() throws {
        let bytes = image(.explicit) {
            $0.element(0x0008_0000, "UL", [1, 0, 0, 0])
            $0.element(0x0008_0001, "UL", [1, 0, 0, 0])
            $0.element(0x0010_0000, "UL", [1, 0, 0, 0])
            $0.element(0x0010_0020, "LO", "FAR1")
            $0.element(0x0020_0000, "UL", [1, 0, 0, 0])
        }
        let (dataSet, head) = try coerced(bytes, .explicit, Self.table())
        #expect(head.isChanged)
        let changed = try TopLevel(head.edits.applied(to: bytes), isImplicit: false)
        #expect(changed[0x0008_0000] != nil && changed[0x0020_0000] != nil)
        #expect(changed[0x0008_0001] == nil && changed[0x0010_0000] == nil)
        #expect(dataSet.text(.patientID) == "IPP1")
    }

    @Test("sequences that were written as UN take implicit items") func unknownSequences() throws {
        var earlier = DataSet()
        earlier.set(.modifyingSystem, "EARLIER")
        var items = DataSetBytes(.implicit)
        let content = earlier.encode(transferSyntax: TransferSyntax.implicitVRLittleEndian)
        items.item(0xFFFE_E000, UInt32(content.count))
        items.bytes += content
        for isDefined in [true, false] {
            let bytes = image(.explicit) {
                $0.element(0x0010_0020, "LO", "FAR1")
                $0.element(0x0010_0021, "LO", "FARNS")
                $0.element(0x0400_0561, "UN", items.bytes, length: isDefined ? nil : .max)
                if !isDefined { $0.item(0xFFFE_E0DD, 0) }
            }
            let head = try Self.table().head(
                of: ByteSource(bytes),
                transferSyntax: TransferSyntax.explicitVRLittleEndian
            )
            let changed = try TopLevel(head.edits.applied(to: bytes), isImplicit: false)
            let records = changed.items(0x0400_0561)
            #expect(records.count == 2 && records.first == content)
            let record = try DataSet(
                decoding: records[1],
                transferSyntax: TransferSyntax.implicitVRLittleEndian
            )
            #expect(record.items(.modifiedAttributesSequence).first?.text(.issuerOfPatientID) == "FARNS")
        }
    }

    @Test("what cannot be coerced is refused by name") func refusals() throws {
        let table = try Self.table()
        for syntax in [TransferSyntax.explicitVRBigEndian, TransferSyntax.deflatedExplicitVRLittleEndian] {
            #expect(throws: DataSetError.cannotBePieced(transferSyntax: syntax)) {
                try table.head(of: ByteSource([]), transferSyntax: syntax)
            }
        }
        func refused(_ fill: (inout DataSetBytes) -> Void) -> DataSetError? {
            let bytes = image(.explicit, fill)
            do throws(DataSetError) {
                _ = try table.head(
                    of: ByteSource(bytes),
                    transferSyntax: UID(literal: "1.2.840.10008.1.2.4.80")
                )
                return nil
            } catch { return error }
        }
        #expect(
            refused {
                $0.element(0x0010_0020, "LO", "A")
                $0.element(0x0010_0010, "PN", "A")
            } == .unexpectedTag(.patientName, offset: 10)
        )
        #expect(
            refused {
                $0.element(0x0010_0020, "LO", "A")
                $0.element(0x0010_0020, "LO", "B")
            } == .unexpectedTag(.patientID, offset: 10)
        )
        #expect(refused { $0.element(0x0008_1030, "LO", [0x41, 0x42], length: 90) } != nil)
        #expect(refused { $0.element(0x0010_0020, "LO", [], length: .max) } != nil)
        #expect(
            refused { $0.element(0x0018_A001, "LO", "AB") }
                == .invalidVR(Tag(0x0018, 0xA001), found: 0x4C4F, offset: 0)
        )
        #expect(refused { $0.element(0x0010_0020, "UT", [UInt8](repeating: 65, count: 2 << 20)) } != nil)
        #expect(refused { $0.element(0x0002_0010, "UI", "1.2") } != nil)
    }
}
