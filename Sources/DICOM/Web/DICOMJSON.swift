// SPDX-License-Identifier: Apache-2.0

/// The DICOM JSON Model (PS3.18 F), always in UTF-8.
package enum DICOMJSON {
    /// An attribute that is not taken from a data set, such as those of a QIDO-RS result (PS3.18 10.6.3.3).
    package struct Attribute: Equatable, Sendable {
        package enum Value: Equatable, Sendable {
            case string(String)
            case number(Int)
        }

        package let tag: Tag
        package let vr: VR
        /// None: the attribute is present and empty.
        package let values: [Value]

        package init(_ tag: Tag, _ vr: VR, _ values: [Value]) {
            self.tag = tag
            self.vr = vr
            self.values = values
        }
    }

    /// Appends the data set as one JSON object, in ascending order of tags; group lengths, File Meta Information
    /// and what follows encapsulated pixel data are left out. `including` limits it to some attributes; `extra`
    /// are added and replace the data set's own. `bulkDataURI` gives the URI of the value at a path such as
    /// "7FE00010" or "54000100/1/54001010" (sequence, item from 1, element). When it throws, `output` is as before.
    package static func write(
        _ source: some DataSetSource,
        transferSyntax: UID,
        including: Set<Tag>? = nil,
        extra: [Attribute] = [],
        bulkDataURI: (String) -> String,
        into output: inout [UInt8]
    ) throws(DataSetError) {
        let selection = Selection(including: including, extra: extra)
        if transferSyntax == TransferSyntax.deflatedExplicitVRLittleEndian {
            var inflating = DICOMJSONWriter(try InflatingSource(source), output.count)
            try inflating.write(transferSyntax, selection, bulkDataURI, &output)
        } else {
            var writer = DICOMJSONWriter(source, output.count)
            try writer.write(transferSyntax, selection, bulkDataURI, &output)
        }
    }

    /// Appends one JSON object of `attributes` alone.
    package static func write(_ attributes: [Attribute], into output: inout [UInt8]) {
        output.append(json: "{")
        for attribute in attributes.sorted(by: { $0.tag < $1.tag }) { append(attribute, to: &output) }
        output.append(json: "}")
    }

    static func append(_ attribute: Attribute, to output: inout [UInt8]) {
        output.append(jsonMember: attribute.tag, attribute.vr)
        if !attribute.values.isEmpty {
            output.append(json: ",\"Value\":[")
            for value in attribute.values {
                output.appendSeparator()
                switch value {
                case .string(let text) where attribute.vr == .pn:
                    DICOMJSONValues.append(personName: text, to: &output)
                case .string(let text): output.append(jsonString: text)
                case .number(let number): output.append(contentsOf: "\(number)".utf8)
                }
            }
            output.append(json: "]")
        }
        output.append(json: "}")
    }

    /// What of the top level is written.
    struct Selection {
        let including: Set<Tag>?
        /// Ascending.
        let extra: [Attribute]
        private let replaced: Set<Tag>
        /// Nothing beyond is wanted of the data set.
        let last: Tag?

        init(including: Set<Tag>?, extra: [Attribute]) {
            self.including = including
            self.extra = extra.sorted { $0.tag < $1.tag }
            replaced = Set(extra.map(\.tag))
            last = including.map { $0.max() ?? Tag(rawValue: 0) }
        }

        func contains(_ tag: Tag) -> Bool {
            // Group lengths (PS3.18 F.2.2), File Meta Information and stray delimiters are no attributes here.
            guard tag.element != 0, tag.group > 2, tag.group != 0xFFFE else { return false }
            return !replaced.contains(tag) && including?.contains(tag) ?? true
        }
    }
}
