// SPDX-License-Identifier: Apache-2.0
import Admin
import Crypto
import DICOM
import FoundationEssentials
import NIOHTTP1
package import Store
import Synchronization
package import Transfer

/// Lets other boxes find and read what is in the record now: an MHD Document Responder (IHE ITI-67 and ITI-68 in FHIR R4,
/// MADO X.6.1), for whom the images are for.
///
/// A search names a patient, a study, a request or a document: nobody lists what a site has.
package final class DocumentResponder: HTTPResponder {
    package struct Site: Sendable {
        /// The host that is for browsers, which show no certificate; it has no such service.
        package var viewerHost: String?
        package var mado: MADOSite
        package var version: String

        package init(viewerHost: String?, mado: MADOSite, version: String) {
            self.viewerHost = viewerHost
            self.mado = mado
            self.version = version
        }
    }

    /// The FHIR form of a manifest file in MADO's form.
    package typealias Conversion = @Sendable (_ file: [UInt8]) throws -> [UInt8]

    package static let path = "/fhir"
    /// Matches of one search; more have to be narrowed.
    static let mostMatches = 1000

    private let table: PublicationTable
    private let access: TracedAccess
    private let site: Site
    /// Nil where manifests are given in DICOM only.
    private let conversion: Conversion?
    private let makeToken: @Sendable () -> String
    /// Milliseconds since 1970.
    private let now: @Sendable () -> Int64
    private let pages = Mutex(SearchPages())

    package init(
        table: PublicationTable,
        access: TracedAccess,
        site: Site,
        conversion: Conversion? = nil,
        makeToken: @escaping @Sendable () -> String,
        now: @escaping @Sendable () -> Int64
    ) {
        self.table = table
        self.access = access
        self.site = site
        self.conversion = conversion
        self.makeToken = makeToken
        self.now = now
    }

    package func respond(to request: HTTPRequest) async -> HTTPResponse {
        if let host = site.viewerHost, request.security?.serverName == host {
            return Self.answer(.notFound, FHIRProblem(.notFound, "no such service under this name"))
        }
        let path = request.path.dropFirst(Self.path.count).split(separator: "/").map(String.init)
        if path == ["metadata"], request.method == .GET || request.method == .HEAD {
            return Self.answer(
                .ok,
                CapabilityStatement(version: site.version, hasFHIR: conversion != nil).json
            )
        }
        let action = path.first == "Binary" ? "ITI-68" : "ITI-67"
        let response = await access.answer(
            request,
            action: action,
            subject: String(request.path.prefix(200))
        ) {
            do throws(FHIRProblem) {
                return try answer(request, path)
            } catch {
                return (
                    Self.answer(Self.status(error), error),
                    "\(request.path.prefix(200)): \(error.text.prefix(200))"
                )
            }
        }
        return Self.outcome(response)
    }

    private func answer(_ request: HTTPRequest, _ path: [String]) throws(FHIRProblem)
        -> (response: HTTPResponse, subject: String)
    {
        let reads = request.method == .GET || request.method == .HEAD
        switch (path.first, path.count, path.last) {
        case ("DocumentReference", 1, _) where reads: return try search(request, nil)
        case ("DocumentReference", 2, "_search") where reads: return try search(request, nil)
        case ("DocumentReference", 2, "_search") where request.method == .POST:
            return try search(request, try Self.form(request))
        case ("DocumentReference", 2, let id?) where reads:
            let document = try document(id)
            return (
                Self.answer(.ok, try resource(document, Self.base(request))),
                "\(request.path.prefix(200))"
            )
        case ("Binary", 2, let id?) where reads: return (try binary(request, id), request.path)
        default:
            throw FHIRProblem(
                .notSupported,
                "expected GET metadata, DocumentReference[/{id}], Binary/{id}, or POST DocumentReference/_search"
            )
        }
    }

    // MARK: Searching (ITI-67)

    private static func form(_ request: HTTPRequest) throws(FHIRProblem) -> String {
        let type = request.headers.first(name: "Content-Type")?.split(separator: ";").first ?? ""
        guard type.lowercased() == "application/x-www-form-urlencoded",
            let form = String(validating: request.body, as: UTF8.self)
        else {
            throw FHIRProblem(.invalid, "Content-Type: expected application/x-www-form-urlencoded")
        }
        return form
    }

    private func search(_ request: HTTPRequest, _ form: String?) throws(FHIRProblem)
        -> (response: HTTPResponse, subject: String)
    {
        let search = try FHIRSearch(query: request.query, form: form)
        let found: SearchPages.Rest
        if let token = search.page {
            let time = now()
            guard search.names == ["_page"], let rest = pages.withLock({ $0.take(token, at: time) }) else {
                throw FHIRProblem(.notFound, "_page: found none that is kept; search again")
            }
            found = rest
        } else {
            let matches = try matches(search)
            found = SearchPages.Rest(
                ids: matches.map(\.id)[...],
                total: matches.count,
                count: search.count,
                end: 0
            )
        }
        let base = Self.base(request)
        var entries: [JSONValue] = []
        for id in found.ids.prefix(found.count) {
            // It may have left the record since the first page.
            guard let document = try? document(id) else { continue }
            entries.append(
                .object([
                    "fullUrl": .string("\(base)/DocumentReference/\(id)"),
                    "resource": try resource(document, base),
                    "search": .object(["mode": .string("match")]),
                ])
            )
        }
        var bundle: [String: JSONValue] = [
            "resourceType": .string("Bundle"), "type": .string("searchset"), "total": .integer(found.total),
        ]
        if !entries.isEmpty { bundle["entry"] = .array(entries) }
        if found.ids.count > found.count {
            let token = makeToken()
            let rest = SearchPages.Rest(
                ids: found.ids.dropFirst(found.count),
                total: found.total,
                count: found.count,
                end: now() + SearchPages.milliseconds
            )
            pages.withLock { $0.keep(rest, token) }
            // What was asked is not repeated: it may have named a patient.
            bundle["link"] = .array([
                .object([
                    "relation": .string("next"),
                    "url": .string("\(base)/DocumentReference?_page=\(token)"),
                ])
            ])
        }
        let given = found.ids.prefix(found.count).joined(separator: " ")
        return (
            Self.answer(.ok, .object(bundle)),
            "DocumentReference by \(search.names.joined(separator: ", ")): \(found.total) found, \(given)"
        )
    }

    private func matches(_ search: FHIRSearch) throws(FHIRProblem) -> [SharedDocument] {
        let question = try PublicationQuestion(search)
        let listings = try read { (session) throws(SQLiteError) in
            try session.publishedManifests(question, limit: Self.mostMatches + 1)
        }
        guard listings.count <= Self.mostMatches else {
            throw FHIRProblem(.tooCostly, "found more than \(Self.mostMatches), expected a narrower search")
        }
        return listings.flatMap { listing in
            encodings(listing.form).compactMap { SharedDocument(listing, $0, site.mado) }
        }.filter { $0.matches(search) }
    }

    private func encodings(_ form: PublicationManifest.Form) -> [SharedDocument.Encoding] {
        form == .mado && conversion != nil ? [.dicom, .fhir] : [.dicom]
    }

    // MARK: Reading (ITI-68)

    private func document(_ id: String) throws(FHIRProblem) -> SharedDocument {
        let isFHIR = id.hasPrefix(SharedDocument.fhirPrefix)
        var question = PublicationQuestion()
        question.sopInstanceUID = isFHIR ? String(id.dropFirst(SharedDocument.fhirPrefix.count)) : id
        let listing = try read { [question] (session) throws(SQLiteError) in
            try session.publishedManifests(question, limit: 1)
        }.first
        let encoding: SharedDocument.Encoding = isFHIR ? .fhir : .dicom
        guard let listing, encodings(listing.form).contains(encoding),
            let document = SharedDocument(listing, encoding, site.mado)
        else {
            throw FHIRProblem(.notFound, "found no such document in the record")
        }
        return document
    }

    private func file(_ uid: String) throws(FHIRProblem) -> PublicationManifest {
        let found = try read { (session) throws(SQLiteError) in try session.manifest(uid) }
        guard let found, found.state == .published else {
            throw FHIRProblem(.notFound, "found no such document in the record")
        }
        return found
    }

    private func resource(_ document: SharedDocument, _ base: String) throws(FHIRProblem) -> JSONValue {
        // What the FHIR form of a manifest is long is known when it is made.
        guard document.encoding == .dicom else { return document.resource(base: base, nil) }
        let bytes = try file(document.sopInstanceUID).document
        let hash = Data(Insecure.SHA1.hash(data: bytes)).base64EncodedString()
        return document.resource(base: base, .init(size: bytes.count, hash: hash))
    }

    private func binary(_ request: HTTPRequest, _ id: String) throws(FHIRProblem) -> HTTPResponse {
        let document = try document(id)
        let manifest = try file(document.sopInstanceUID)
        let offered =
            document.encoding == .fhir ? [SharedDocument.Encoding.fhir] : encodings(manifest.form)
        let chosen = try Self.choose(offered, request)
        let headers: HTTPHeaders = [
            "Content-Type": chosen == .fhir ? SharedDocument.fhirType : SharedDocument.dicomType,
            "Cache-Control": "no-store",
        ]
        guard chosen == .fhir, let conversion else {
            return HTTPResponse(.ok, headers: headers, body: .bytes(manifest.document))
        }
        do {
            return HTTPResponse(.ok, headers: headers, body: .bytes(try conversion(manifest.document)))
        } catch {
            throw FHIRProblem(.exception, "the manifest cannot be written in FHIR: \(error)")
        }
    }

    /// The best of what is offered, the first where nothing is asked for.
    private static func choose(_ offered: [SharedDocument.Encoding], _ request: HTTPRequest)
        throws(FHIRProblem) -> SharedDocument.Encoding
    {
        let ranges: [MediaRange]
        do throws(AcceptError) {
            ranges = try AcceptHeader.parse(request.headers["Accept"]).ranges
        } catch {
            throw FHIRProblem(.invalid, "Accept: \(error)")
        }
        func quality(_ encoding: SharedDocument.Encoding) -> Int {
            let types: [String] =
                switch encoding {
                case .dicom: [SharedDocument.dicomType, "application/*", "*/*"]
                case .fhir: [SharedDocument.fhirType, "application/json", "application/*", "*/*"]
                }
            for type in types {
                if let range = ranges.first(where: { $0.type == type }) { return range.quality }
            }
            return 0
        }
        guard !ranges.isEmpty else { return offered[0] }
        let best = offered.map { (encoding: $0, quality: quality($0)) }.filter { $0.quality > 0 }
        // The first of the best: `max` would take the last.
        guard let top = best.map(\.quality).max(), let chosen = best.first(where: { $0.quality == top })
        else {
            let types = offered.map { $0 == .fhir ? SharedDocument.fhirType : SharedDocument.dicomType }
            throw FHIRProblem(.notSupported, "Accept: expected \(types.joined(separator: " or "))")
        }
        return chosen.encoding
    }

    private func read<Result: Sendable>(
        _ body: (PublicationSession) throws(SQLiteError) -> Result
    ) throws(FHIRProblem) -> Result {
        do throws(StoreError) {
            return try table.transaction(body)
        } catch {
            throw FHIRProblem(.exception, "the manifests cannot be read")
        }
    }

    // MARK: Answers

    /// The URL of this service, as the client knows it.
    private static func base(_ request: HTTPRequest) -> String {
        let host = (request.headers.first(name: "Host") ?? "").utf8.prefix(255).filter { byte in
            switch byte {
            case 0x30...0x3A, 0x41...0x5B, 0x5D, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."): true
            default: false
            }
        }
        return "http\(request.security == nil ? "" : "s")://\(String(decoding: host, as: UTF8.self))\(path)"
    }

    private static func status(_ problem: FHIRProblem) -> HTTPResponseStatus {
        switch problem.kind {
        case .invalid, .required, .security, .tooCostly: .badRequest
        case .notFound: .notFound
        case .notSupported:
            problem.text.hasPrefix("Accept")
                ? .notAcceptable
                : problem.text.hasPrefix("expected GET")
                    ? .methodNotAllowed : .badRequest
        case .exception: .internalServerError
        }
    }

    private static func answer(_ status: HTTPResponseStatus, _ value: JSONValue) -> HTTPResponse {
        HTTPResponse(
            status,
            headers: [
                "Content-Type": "\(SharedDocument.fhirType); charset=utf-8", "Cache-Control": "no-store",
            ],
            body: .bytes(Array((value.text() + "\n").utf8))
        )
    }

    private static func answer(_ status: HTTPResponseStatus, _ problem: FHIRProblem) -> HTTPResponse {
        answer(
            status,
            .object([
                "resourceType": .string("OperationOutcome"),
                "issue": .array([
                    .object([
                        "severity": .string("error"), "code": .string(problem.kind.rawValue),
                        "diagnostics": .string(problem.text),
                    ])
                ]),
            ])
        )
    }

    /// A refusal in the words of this interface; its headers, such as WWW-Authenticate, stay.
    private static func outcome(_ response: HTTPResponse) -> HTTPResponse {
        guard response.status.code >= 400, case .bytes(let bytes) = response.body,
            response.headers.first(name: "Content-Type")?.hasPrefix("text/plain") == true
        else { return response }
        let text = String(decoding: bytes, as: UTF8.self).filter { !$0.isNewline }
        let isRefusal = [401, 403].contains(response.status.code)
        var outcome = answer(response.status, FHIRProblem(isRefusal ? .security : .exception, text))
        for (name, value) in response.headers
        where !["content-type", "content-length"].contains(name.lowercased()) {
            outcome.headers.replaceOrAdd(name: name, value: value)
        }
        return outcome
    }
}

extension PublicationQuestion {
    /// What of a search the store knows; the rest is compared with what it finds.
    fileprivate init(_ search: FHIRSearch) throws(FHIRProblem) {
        self.init()
        // Of alternatives, which the store does not look for, one at least of the other kinds is needed.
        func only(_ name: String) -> [FHIRToken] {
            search[name].compactMap { $0.tokens.count == 1 ? $0.tokens.first : nil }
        }
        for token in only("patient.identifier") {
            guard let system = token.system, system.hasPrefix("urn:oid:"), let code = token.code else {
                throw FHIRProblem(.invalid, "patient.identifier: expected urn:oid:{authority}|{identifier}")
            }
            patient = "\(system.dropFirst("urn:oid:".count))|\(code)"
        }
        for token in only("related:identifier") {
            guard let code = token.code else { continue }
            if token.system == "urn:dicom:uid" {
                studyInstanceUID =
                    code.hasPrefix("urn:oid:") ? String(code.dropFirst("urn:oid:".count)) : code
            } else if token.system != nil {
                accessionNumber = code
            }
        }
        for token in only("identifier") {
            sopInstanceUID = token.code.map {
                $0.hasPrefix("urn:oid:") ? String($0.dropFirst("urn:oid:".count)) : $0
            }
        }
        for token in only("_id") {
            sopInstanceUID = token.code.map {
                $0.hasPrefix(SharedDocument.fhirPrefix)
                    ? String($0.dropFirst(SharedDocument.fhirPrefix.count)) : $0
            }
        }
        if isEmpty {
            throw FHIRProblem(
                .required,
                "expected one of patient.identifier, related:identifier, identifier or _id, with one value and its system"
            )
        }
    }
}

/// What is left of searches whose answers have more than one page.
struct SearchPages {
    /// How long a page is kept.
    static let milliseconds: Int64 = 600_000
    private static let capacity = 64

    struct Rest: Sendable {
        let ids: ArraySlice<String>
        let total: Int
        /// Of one page.
        let count: Int
        /// Milliseconds since 1970.
        let end: Int64
    }

    private var rests: [String: Rest] = [:]
    private var order: [String] = []

    mutating func keep(_ rest: Rest, _ token: String) {
        rests[token] = rest
        order.append(token)
        if order.count > Self.capacity { rests[order.removeFirst()] = nil }
    }

    /// A page can be read again while it is kept.
    func take(_ token: String, at time: Int64) -> Rest? {
        rests[token].flatMap { $0.end > time ? $0 : nil }
    }
}
