// SPDX-License-Identifier: Apache-2.0

/// Identifiers and codes, as DICOM and as FHIR write them.
enum FHIRIdentifier {
    /// Names whose owner has no URI of its own, such as private coding schemes.
    private static let local = "urn:id:"
    private static let oid = "urn:oid:"

    /// Coding Scheme Designators (PS3.16 8) and the systems of the same codes.
    private static let systems: [(scheme: String, system: String)] = [
        ("DCM", MADOVocabulary.dcm),
        ("SCT", "http://snomed.info/sct"),
        ("SRT", "http://snomed.info/srt"),
        ("LN", "http://loinc.org"),
        ("UCUM", "http://unitsofmeasure.org"),
        ("RADLEX", "http://radlex.org"),
        ("I10", "http://hl7.org/fhir/sid/icd-10"),
        ("NCIt", "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl"),
    ]

    static func system(scheme: String) -> String? {
        guard !scheme.isEmpty else { return nil }
        if let known = systems.first(where: { $0.scheme == scheme }) { return known.system }
        return scheme.contains(":") ? scheme : local + scheme
    }

    static func scheme(system: String) -> String {
        if let known = systems.first(where: { $0.system == system }) { return known.scheme }
        return system.hasPrefix(local) ? String(system.dropFirst(local.count)) : system
    }

    /// The system of an assigning authority, which DICOM names by its OID; nil where there is none.
    static func system(authority: String) -> String? {
        guard !authority.isEmpty else { return nil }
        if UID(authority) != nil { return oid + authority }
        return authority.contains(":") ? authority : local + authority
    }

    static func authority(system: String) -> String {
        for prefix in [oid, local] where system.hasPrefix(prefix) {
            return String(system.dropFirst(prefix.count))
        }
        return system
    }

    static func urn(_ uid: UID) -> String { oid + uid.string }

    /// A UID as it is, or as a URN; a UUID is that of PS3.5 B.2.
    static func uid(_ text: String) -> UID? {
        for prefix in [oid, "oid:"] where text.hasPrefix(prefix) { return UID(text.dropFirst(prefix.count)) }
        let uuid = "urn:uuid:"
        guard text.hasPrefix(uuid) else { return UID(text) }
        let digits = text.dropFirst(uuid.count).filter { $0 != "-" }
        guard digits.utf8.count == 32 else { return nil }
        var bytes: [UInt8] = []
        var rest = digits[...]
        while !rest.isEmpty {
            guard let byte = UInt8(rest.prefix(2), radix: 16) else { return nil }
            bytes.append(byte)
            rest = rest.dropFirst(2)
        }
        return UID(uuid: bytes)
    }

    /// The name of an entry of a document: the same for the same document and role, and no other's. A UUID of
    /// version 8 (RFC 9562 5.8), by FNV-1a of 128 bits.
    static func entry(_ document: UID, _ role: String) -> String {
        var hash: UInt128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d
        for byte in "\(document)/\(role)".utf8 {
            hash = (hash ^ UInt128(byte)) &* 0x0000_0000_0100_0000_0000_0000_0000_013b
        }
        hash = hash & ~(0xF << 76) | 0x8 << 76
        hash = hash & ~(0x3 << 62) | 0x2 << 62
        let digits = String(hash, radix: 16)
        let all = String(repeating: "0", count: 32 - digits.count) + digits
        var name = "urn:uuid:"
        for (index, digit) in all.enumerated() {
            if [8, 12, 16, 20].contains(index) { name.append("-") }
            name.append(digit)
        }
        return name
    }
}

/// URIs and codes of the MADO implementation guide 1.0.0 and of the resources that it constrains.
enum MADOVocabulary {
    static let base = "https://profiles.ihe.net/RAD/MADO/"
    static let dcm = "http://dicom.nema.org/resources/ontology/DCM"
    static let dicomUID = "urn:dicom:uid"
    static let uri = "urn:ietf:rfc:3986"
    static let loinc = "http://loinc.org"
    /// LOINC's "Diagnostic imaging Study".
    static let documentType = "18748-4"
    static let identifierTypes = "http://terminology.hl7.org/CodeSystem/v2-0203"
    static let deviceTypes = base + "CodeSystem/MadoDeviceType"
    static let connectionTypes = "http://terminology.hl7.org/CodeSystem/endpoint-connection-type"
    static let viewerConnectionTypes = base + "CodeSystem/MadoEndpointConnectionTypes"
    static let payloadTypes = "http://terminology.hl7.org/CodeSystem/endpoint-payload-type"
    static let dataAbsentReason = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
    static let anatomicalRegion = profile("MadoAnatomicalRegionExtension")
    static let numberOfFrames = profile("MadoNumberOfFrames")
    static let keyObjectTitle = profile("MadoKeyObjectDocumentTitle")
    static let retrieveLocationUID = profile("MadoRetrieveLocationUIDExtension")
    /// The address of an endpoint whose address is not known.
    static let noAddress = "http://notspecified"
    /// What tells a study's own identifier (Study ID) from others.
    static let studyID = "Study ID"

    static func profile(_ name: String) -> String { base + "StructureDefinition/" + name }
}
