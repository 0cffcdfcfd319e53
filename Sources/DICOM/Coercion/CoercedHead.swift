// SPDX-License-Identifier: Apache-2.0

/// What a table of rules makes of one data set.
package struct CoercedHead: Equatable, Sendable {
    package enum Warning: Equatable, Sendable {
        /// The data set's character set has not all of the text: it was written without diacritics.
        case folded(Tag)
        /// Digital signatures no longer hold; they lie with the former values.
        case signaturesRemoved
    }

    /// In ascending order, none touching another; none where the data set is as the rules have it.
    package let edits: [DataSetEdit]
    package let warnings: [Warning]

    package var isChanged: Bool { !edits.isEmpty }
}

extension Coercion {
    /// Bytes at most of one element that is changed or looked into.
    static let maximumLength = 1 << 20

    /// Finds what is to be changed in the data set that `source` holds, which is read no further than its
    /// header; where it has digital signatures, the headers up to those are read too.
    ///
    /// Specific Character Set stays, since all other text depends on it: a name or description that it has
    /// not is written without diacritics, as French identities are qualified (RNIV: capital letters without
    /// diacritics). An identifier is never changed so.
    ///
    /// A change makes signatures invalid, and signatures that fail must not be passed on as the creator's
    /// (PS3.15 A.3 asks bit-preserving systems to change nothing; PS3.4 B.4.1 levels 1 and 2 drop them): MAC
    /// Parameters Sequence and Digital Signatures Sequence go to the former values, so that the signed data
    /// set can be made again. Group lengths and Length to End, which are retired, go where they would be
    /// wrong (PS3.5 7.2).
    ///
    /// - Throws: what is wrong with the data set, or why it cannot be changed: `cannotBePieced` for Explicit
    /// VR Big Endian and Deflated, `notEncodable` for identifiers that the character set has not.
    package func head(
        of source: inout some DataSetSource,
        transferSyntax: UID
    ) throws(DataSetError) -> CoercedHead {
        switch transferSyntax {
        case TransferSyntax.explicitVRBigEndian, TransferSyntax.deflatedExplicitVRLittleEndian:
            throw .cannotBePieced(transferSyntax: transferSyntax)
        default: break
        }
        if rules.isEmpty { return CoercedHead(edits: [], warnings: []) }
        let places = try ElementPlaces(source, wanted: wantedTags, transferSyntax: transferSyntax)
        var change = CoercionChange(
            places: places,
            rules: rules,
            isImplicit: ElementEncoding(transferSyntax: transferSyntax) == .implicitLittleEndian
        )
        try change.readCharacterSet(&source)
        for rule in rules { try change.apply(rule, &source) }
        try change.finish(self, &source)
        return CoercedHead(edits: change.edits, warnings: change.warnings)
    }

    /// The same for a source that is not needed any more.
    package func head(
        of source: some DataSetSource,
        transferSyntax: UID
    ) throws(DataSetError) -> CoercedHead {
        var source = source
        return try head(of: &source, transferSyntax: transferSyntax)
    }

    private var wantedTags: [Tag] {
        var tags: Set<Tag> = [
            .lengthToEnd, .specificCharacterSet, .sopClassUID, .contributingEquipmentSequence,
            .originalAttributesSequence, .macParametersSequence,
        ]
        for rule in rules {
            tags.insert(rule.tag)
            guard case .moveToRequest = rule.action else { continue }
            tags.formUnion([
                .issuerOfAccessionNumberSequence, .studyInstanceUID, .requestAttributesSequence,
                .referencedRequestSequence,
            ])
        }
        for tag in tags { tags.insert(Tag(tag.group, 0)) }
        return tags.sorted()
    }
}

/// Where elements lie in a data set, or where they would.
struct ElementPlaces {
    struct Place {
        /// Header and value; no bytes where the element is absent.
        var range: Range<Int>
        /// Nil where it is absent.
        let header: ElementHeader?
    }

    private var places: [Tag: Place] = [:]

    /// `wanted` in ascending order. Reads up to the first element behind the last of them, or where there are
    /// MAC parameters to the signatures behind the pixel data.
    ///
    /// - Throws: `unexpectedTag` where the elements are not in ascending order: nothing could be put in its
    /// place.
    init(
        _ source: some DataSetSource,
        wanted: [Tag],
        transferSyntax: UID
    ) throws(DataSetError) {
        let count = source.count
        var places: [Tag: Place] = [:]
        var waiting = wanted[...]
        var last = Tag(0x0002, 0xFFFF)
        var open: Tag?
        var search = ElementSearch(source, transferSyntax: transferSyntax)
        try search.forEach { (header, value, _) throws(DataSetError) in
            let start = value - header.size
            if let tag = open.take() { places[tag]?.close(at: start) }
            guard header.tag > last, header.tag.group < 0xFFFE else {
                throw .unexpectedTag(header.tag, offset: start)
            }
            last = header.tag
            guard value + header.length <= count else { throw .truncated(header.tag, offset: count) }
            while let tag = waiting.first, tag < header.tag {
                waiting.removeFirst()
                places[tag] = Place(range: start..<start, header: nil)
            }
            if waiting.first == header.tag {
                waiting.removeFirst()
                places[header.tag] = Place(range: start..<value + header.length, header: header)
                if header.hasUndefinedLength { open = header.tag }
                if header.tag == .macParametersSequence {
                    waiting += [Tag(Tag.digitalSignaturesSequence.group, 0), .digitalSignaturesSequence]
                }
            }
            return open != nil || !waiting.isEmpty
        }
        if let open { places[open]?.close(at: count) }
        for tag in waiting { places[tag] = Place(range: count..<count, header: nil) }
        self.places = places
    }

    subscript(tag: Tag) -> Place {
        places[tag] ?? Place(range: 0..<0, header: nil)
    }

    func isPresent(_ tag: Tag) -> Bool { places[tag]?.header != nil }
}

extension ElementPlaces.Place {
    mutating func close(at end: Int) {
        range = range.lowerBound..<end
    }

    /// The value; with its delimiter where its length is undefined.
    var value: Range<Int> { range.lowerBound + (header?.size ?? 0)..<range.upperBound }
}
