// SPDX-License-Identifier: Apache-2.0

/// The query parameters of rendered resources (PS3.18 8.3.5, Tables 8.3.5-1 and 10.4.1-2).
package struct RenderedQuery: Equatable, Sendable {
    /// Without frame and format, which are not the query's to say.
    package private(set) var rendering = Rendering()
    /// `accept`: goes before the header (PS3.18 8.3.3.1).
    package private(set) var accept: [String] = []
    /// Asked for, and not done: to be told to the client.
    package private(set) var ignored: [String] = []

    package static func parse(_ query: String) throws(RenderedQueryError) -> RenderedQuery {
        var result = RenderedQuery()
        for field in query.split(separator: "&") {
            let pieces = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = PercentEncoding.decode(pieces[0]),
                let value = pieces.count > 1 ? PercentEncoding.decode(pieces[1]) : ""
            else { throw .invalid(name: "query", expected: "percent-encoded UTF-8") }
            try result.take(name.lowercased(), value)
        }
        return result
    }

    private mutating func take(_ name: String, _ value: String) throws(RenderedQueryError) {
        let members = value.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        switch name {
        case "accept": accept.append(value)
        case "quality":
            guard let quality = Int(value), (1...100).contains(quality) else {
                throw .invalid(name: name, expected: "1 to 100")
            }
            rendering.quality = quality
        case "window": rendering.window = try Self.window(members)
        case "viewport": rendering.viewport = try Self.viewport(members)
        case "annotation", "iccprofile", "charset": ignored.append(name)
        default: break
        }
    }

    private static func window(_ members: [String]) throws(RenderedQueryError) -> Rendering.Window {
        let expected = "center,width,linear|linear-exact|sigmoid with a width of 1 or more"
        guard (2...3).contains(members.count),
            let center = Double(members[0]), center.isFinite, let width = Double(members[1]), width.isFinite,
            let function = members.count == 2
                ? .linear : Rendering.Window.Function(rawValue: members[2].lowercased()),
            // PS3.3 C.11.2.1.2.1: 1 or more for LINEAR, above 0 for the others.
            function == .linear ? width >= 1 : width > 0
        else { throw .invalid(name: "window", expected: expected) }
        return Rendering.Window(center: center, width: width, function: function)
    }

    private static func viewport(_ members: [String]) throws(RenderedQueryError) -> Rendering.Viewport {
        let expected =
            "width,height[,left,top,width,height] in whole pixels, at most \(Rendering.Viewport.maximumSide)"
        let numbers = members.map { $0.isEmpty ? 0 : Int($0) ?? -1 }
        guard numbers.count == 2 || numbers.count == 6,
            (1...Rendering.Viewport.maximumSide).contains(numbers[0]),
            (1...Rendering.Viewport.maximumSide).contains(numbers[1])
        else { throw .invalid(name: "viewport", expected: expected) }
        var viewport = Rendering.Viewport(width: numbers[0], height: numbers[1])
        if numbers.count == 6 {
            guard (0...0xFFFF).contains(numbers[2]), (0...0xFFFF).contains(numbers[3]),
                (0...0xFFFF).contains(numbers[4]), (0...0xFFFF).contains(numbers[5])
            else { throw .invalid(name: "viewport", expected: expected) }
            // Without a size: up to the image's far edges.
            viewport.region = .init(
                left: numbers[2],
                top: numbers[3],
                width: numbers[4] == 0 ? 0xFFFF : numbers[4],
                height: numbers[5] == 0 ? 0xFFFF : numbers[5]
            )
        }
        return viewport
    }
}

/// 400
package enum RenderedQueryError: Error, Equatable, CustomStringConvertible {
    case invalid(name: String, expected: String)

    package var description: String {
        switch self {
        case .invalid(let name, let expected): "query: \(name): found another form, expected \(expected)"
        }
    }
}

/// Which image format a request for a rendered resource accepts (PS3.18 8.7.4).
package struct RenderedAcceptance: Sendable {
    package struct Form: Equatable, Sendable {
        package let format: Rendering.Format
        package let isMultipart: Bool

        package init(format: Rendering.Format, isMultipart: Bool) {
            self.format = format
            self.isMultipart = isMultipart
        }
    }

    private let ranges: [MediaRange]

    package init(_ accept: AcceptHeader) {
        ranges = accept.ranges
    }

    /// The form to answer in; nil: 406 (Not Acceptable). Several images are parts of one answer, in the format that a
    /// range names for the parts or for one image.
    package func form(isSingle: Bool) -> Form? {
        guard !ranges.isEmpty else { return Form(format: .jpeg, isMultipart: !isSingle) }
        var best: (form: Form, quality: Int)?
        for range in ranges where range.quality > 0 {
            guard let form = Self.form(range, isSingle) else { continue }
            if let best, best.quality >= range.quality { continue }
            best = (form, range.quality)
        }
        return best?.form
    }

    private static func form(_ range: MediaRange, _ isSingle: Bool) -> Form? {
        if range.type == "multipart/related" {
            let types = range.values("type").map { $0.lowercased() }
            guard let format = types.isEmpty ? .jpeg : types.lazy.compactMap(format).first else { return nil }
            return Form(format: format, isMultipart: true)
        }
        return format(range.type).map { Form(format: $0, isMultipart: !isSingle) }
    }

    private static func format(_ type: String) -> Rendering.Format? {
        switch type {
        case "image/jpeg", "image/*", "*/*": .jpeg
        case "image/png": .png
        default: nil
        }
    }
}
