// SPDX-License-Identifier: Apache-2.0
import Linux

/// Writes one data set as a DICOM JSON object. Elements are written as they are met; long values are passed over
/// and become a URI.
struct DICOMJSONWriter<Source: DataSetSource> {
    /// What nested elements take over from around them.
    private struct Context {
        var encoding: ElementEncoding
        /// Of this level, until its own Specific Character Set says otherwise.
        var characterSet = SpecificCharacterSet.default
        /// Pixel Representation (0028,0103) is 1.
        var isSigned = false
        /// Of the level for bulk data: empty, or "54000100/1/".
        var path = ""
        var depth = 0
    }

    /// Binary values longer than this become a URI.
    private static var inlineBinaryLength: Int { 1 << 10 }
    /// As does every other value: what is longer is in practice a lookup table or a report.
    private static var inlineLength: Int { 64 << 10 }

    private var window: DataSetWindow<Source>
    private let outputStart: Int
    private var elements = 0

    init(_ source: Source, _ outputStart: Int) {
        window = DataSetWindow(source)
        self.outputStart = outputStart
    }

    mutating func write(
        _ transferSyntax: UID,
        _ selection: DICOMJSON.Selection,
        _ bulkDataURI: (String) -> String,
        _ output: inout [UInt8]
    ) throws(DataSetError) {
        do throws(DataSetError) {
            let context = Context(encoding: ElementEncoding(transferSyntax: transferSyntax))
            try writeDataSet(context, selection, bulkDataURI, &output)
        } catch {
            output.removeLast(output.count - outputStart)
            throw error
        }
    }

    private mutating func writeDataSet(
        _ context: Context,
        _ selection: DICOMJSON.Selection,
        _ bulkDataURI: (String) -> String,
        _ output: inout [UInt8]
    ) throws(DataSetError) {
        var context = context
        var extra = selection.extra[...]
        var offset = 0
        var previous: Tag?
        output.append(json: "{")
        while let header = try window.header(at: offset, context.encoding) {
            if let last = selection.last, header.tag > last { break }
            while let attribute = extra.first, attribute.tag <= header.tag {
                DICOMJSON.append(attribute, to: &output)
                extra.removeFirst()
            }
            let mark = output.count
            let isPixelData = header.tag == .pixelData
            // A truncated instance has the whole of its attributes all the same.
            let end = isPixelData ? nil : window.count
            let next = try writeElement(header, at: offset, end, &context, bulkDataURI, &output)
            if !selection.contains(header.tag) || header.tag == previous {
                output.removeLast(output.count - mark)
            }
            previous = header.tag
            if isPixelData, header.hasUndefinedLength || window.count == .max { break }
            offset = next
        }
        for attribute in extra { DICOMJSON.append(attribute, to: &output) }
        output.append(json: "}")
    }

    /// Writes the element whose header is at `offset`; returns the offset behind it. Its level ends at `end`.
    private mutating func writeElement(
        _ header: ElementHeader,
        at offset: Int,
        _ end: Int?,
        _ context: inout Context,
        _ bulkDataURI: (String) -> String,
        _ output: inout [UInt8]
    ) throws(DataSetError) -> Int {
        try count(header, output)
        let start = offset + header.size
        if let end, !header.hasUndefinedLength, header.length > end - start {
            throw .truncated(header.tag, offset: end)
        }
        let vr = try vr(header, offset, context)
        output.append(jsonMember: header.tag, vr)
        var next = start + header.length
        if vr == .sq {
            next = try writeSequence(header, start, context, bulkDataURI, &output)
        } else if isBulkData(header, vr) {
            output.append(json: ",\"BulkDataURI\":")
            output.append(jsonString: bulkDataURI(context.path + header.tag.hexadecimal))
            // Behind the instance's own encapsulated pixel data nobody reads on; an icon's is passed over.
            if header.hasUndefinedLength, context.depth > 0 || header.tag != .pixelData {
                next = try skipFragments(start, context.encoding)
            }
        } else if header.length > 0 {
            let value = try window.value(header.tag, at: start, count: header.length)
            write(value, vr, header.tag, &context, &output)
        }
        output.append(json: "}")
        return next
    }

    private func isBulkData(_ header: ElementHeader, _ vr: VR) -> Bool {
        switch header.tag {
        case .pixelData, .floatPixelData, .doubleFloatPixelData: true
        default:
            header.hasUndefinedLength
                || header.length > (vr.isBinary ? Self.inlineBinaryLength : Self.inlineLength)
        }
    }

    private mutating func count(_ header: ElementHeader, _ output: [UInt8]) throws(DataSetError) {
        elements += 1
        guard elements <= DataSetLimits.elements else {
            throw .tooManyElements(limit: DataSetLimits.elements)
        }
        guard output.count - outputStart <= DataSetLimits.jsonBytes else {
            throw .outputTooLong(limit: DataSetLimits.jsonBytes)
        }
    }

    private func vr(_ header: ElementHeader, _ offset: Int, _ context: Context) throws(DataSetError) -> VR {
        let isEncapsulated = header.tag == .pixelData || header.vr == .ob || header.vr == .ow
        if header.hasUndefinedLength {
            guard header.mayHoldItems else { throw .undefinedLength(header.tag, offset: offset) }
            return isEncapsulated ? header.vr ?? .ob : .sq
        }
        if let vr = header.vr { return vr }
        // Two letters of a later edition stay bytes; without letters the registry knows.
        guard context.encoding == .implicitLittleEndian else { return .un }
        return DataDictionary.vr(of: header.tag, isSigned: context.isSigned)
    }

    private func write(
        _ value: [UInt8],
        _ vr: VR,
        _ tag: Tag,
        _ context: inout Context,
        _ output: inout [UInt8]
    ) {
        switch tag {
        case .specificCharacterSet:
            context.characterSet = value.withRawSpan {
                SpecificCharacterSet($0, 0..<value.count)
            }
            output.append(json: ",\"Value\":[\"ISO_IR 192\"]")
            return
        case .pixelRepresentation: context.isSigned = value.contains(1)
        default: break
        }
        let values = DICOMJSONValues(
            vr: vr,
            isBigEndian: context.encoding == .explicitBigEndian,
            characterSet: context.characterSet
        )
        values.append(value, to: &output)
    }

    // MARK: Sequences

    private mutating func writeSequence(
        _ header: ElementHeader,
        _ start: Int,
        _ context: Context,
        _ bulkDataURI: (String) -> String,
        _ output: inout [UInt8]
    ) throws(DataSetError) -> Int {
        guard header.length > 0 || header.hasUndefinedLength else { return start }
        var inner = context
        inner.depth += 1
        guard inner.depth <= DataSetLimits.nesting else { throw .nestingTooDeep(header.tag, offset: start) }
        if header.vr == .un { inner.encoding = context.encoding.insideUnknown }
        let end = header.hasUndefinedLength ? nil : start + header.length
        var offset = start
        var number = 0
        output.append(json: ",\"Value\":[")
        while offset < end ?? .max {
            guard let item = try window.header(at: offset, inner.encoding) else {
                throw .truncated(header.tag, offset: offset)
            }
            if item.tag == .sequenceDelimitationItem, end == nil {
                offset += item.size
                break
            }
            guard item.tag == .item else { throw .unexpectedTag(item.tag, offset: offset) }
            try count(item, output)
            number += 1
            inner.path = "\(context.path)\(header.tag.hexadecimal)/\(number)/"
            output.appendSeparator()
            offset = try writeItem(item, offset + item.size, end, inner, bulkDataURI, &output)
        }
        output.append(json: "]")
        return offset
    }

    private mutating func writeItem(
        _ item: ElementHeader,
        _ start: Int,
        _ sequenceEnd: Int?,
        _ context: Context,
        _ bulkDataURI: (String) -> String,
        _ output: inout [UInt8]
    ) throws(DataSetError) -> Int {
        var context = context
        var offset = start
        let end = item.hasUndefinedLength ? nil : start + item.length
        if let end, end > sequenceEnd ?? window.count { throw .truncated(item.tag, offset: offset) }
        var previous: Tag?
        output.append(json: "{")
        while offset < end ?? .max {
            guard let header = try window.header(at: offset, context.encoding) else {
                throw .truncated(previous, offset: offset)
            }
            if header.tag == .itemDelimitationItem, end == nil {
                offset += header.size
                break
            }
            guard header.tag.group != 0xFFFE else { throw .unexpectedTag(header.tag, offset: offset) }
            let mark = output.count
            let limit = end ?? sequenceEnd ?? window.count
            offset = try writeElement(header, at: offset, limit, &context, bulkDataURI, &output)
            if header.tag.element == 0 || header.tag == previous { output.removeLast(output.count - mark) }
            previous = header.tag
        }
        output.append(json: "}")
        return offset
    }

    /// Passes over the fragments of encapsulated pixel data (PS3.5 A.4).
    private mutating func skipFragments(
        _ start: Int,
        _ encoding: ElementEncoding
    ) throws(DataSetError) -> Int {
        var offset = start
        while let item = try window.header(at: offset, encoding) {
            elements += 1
            guard elements <= DataSetLimits.elements else { break }
            offset += item.size + item.length
            if item.tag == .sequenceDelimitationItem { return offset }
            guard item.tag == .item, !item.hasUndefinedLength else {
                throw .unexpectedTag(item.tag, offset: offset)
            }
        }
        throw .truncated(.pixelData, offset: offset)
    }
}
