// SPDX-License-Identifier: Apache-2.0
import DICOM
import Linux
import NIOHTTP1

/// WADO-RS and QIDO-RS (PS3.18 10.4, 10.6) out of a catalogue.
package struct DICOMwebService: HTTPResponder {
    let catalogue: any InstanceCatalogue
    /// Gets what is not here; nil where nothing but the catalogue is served.
    let retrievals: RetrievalTable?
    /// Takes what is stored; nil where nothing is.
    let receiver: (any InstanceReceiver)?
    /// Nil where pixel data is served as it is stored, and not rendered.
    let codec: (any PixelCodec)?
    let journal: TransferJournal?
    /// Nil where everything that is kept may be seen.
    let scope: RetrieveScope?

    package init(
        catalogue: any InstanceCatalogue,
        retrievals: RetrievalTable? = nil,
        receiver: (any InstanceReceiver)? = nil,
        codec: (any PixelCodec)? = nil,
        journal: TransferJournal? = nil
    ) {
        self.catalogue = catalogue
        self.retrievals = retrievals
        self.receiver = receiver
        self.codec = codec
        self.journal = journal
        scope = nil
    }

    /// The same service for a request that may see only `scope`, and store nothing.
    package init(_ service: DICOMwebService, scope: RetrieveScope) {
        catalogue = ScopedCatalogue(catalogue: service.catalogue, scope: scope)
        retrievals = service.retrievals
        receiver = nil
        codec = service.codec
        journal = service.journal
        self.scope = scope
    }

    package func respond(to request: HTTPRequest) async -> HTTPResponse {
        if request.path == "/dicomweb" || request.path == "/dicomweb/" { return Self.health }
        do {
            switch try DICOMwebRoute.parse(method: request.method.rawValue, path: request.path) {
            case .retrieve(let resource): return try await retrieve(resource, request)
            case .metadata(let resource): return try await metadata(resource, request)
            case .search(let level, let study, let series): return try search(level, study, series, request)
            case .frames(let resource, let numbers): return try await frames(numbers, of: resource, request)
            case .bulkData(let resource, let path): return try await bulkData(path, of: resource, request)
            case .rendered(let resource, let numbers): return try await rendered(resource, numbers, request)
            case .thumbnail(let resource, let number): return try await thumbnail(resource, number, request)
            // What is stored comes with a body, which its receiver answers.
            case .store: return .text(.badRequest, "body: found none, expected parts")
            case .unsupported(let name): return .text(.notImplemented, "\(name): not served by this release")
            }
        } catch let error as RouteError {
            return .text(Self.status(of: error), "\(error)")
        } catch let error as AcceptError {
            return .text(.badRequest, "\(error)")
        } catch let error as QIDOError {
            return .text(.badRequest, "\(error)")
        } catch let error as UnsupportedSearch {
            return .text(.badRequest, "\(error)")
        } catch let error as RenderedQueryError {
            return .text(.badRequest, "\(error)")
        } catch let error as PixelDataError {
            return Self.response(to: error)
        } catch let error as FrameIndexError {
            return .text(.notAcceptable, "\(error)")
        } catch {
            return .text(.internalServerError, "the spool cannot be read")
        }
    }

    /// Tells a prober that the service answers, and nothing else.
    private static let health = HTTPResponse(
        .ok,
        headers: ["Content-Type": "application/json", "Cache-Control": "no-store"],
        body: .bytes(Array("{\"service\":\"DICOMweb\",\"status\":\"ok\"}\n".utf8))
    )

    private static func status(of error: RouteError) -> HTTPResponseStatus {
        switch error {
        case .notFound: .notFound
        case .methodNotAllowed: .methodNotAllowed
        case .invalidUID, .invalidEncoding, .invalidFrameList, .tooManyFrames, .invalidBulkDataPath:
            .badRequest
        case .tooLong: .uriTooLong
        }
    }

    // MARK: WADO-RS

    func retrieve(
        _ resource: DICOMwebRoute.Resource,
        _ request: HTTPRequest
    ) async throws -> HTTPResponse {
        let headers = request.headers["Accept"]
        guard !headers.isEmpty else {
            return .text(
                .badRequest,
                "Accept: found none, expected multipart/related; type=\"application/dicom\""
            )
        }
        let acceptance = RetrieveAcceptance(try AcceptHeader.parse(headers))
        if resource.instance == nil, acceptance.wants(Self.fileSetType) { return try await fileSet(resource) }
        guard let form = acceptance.form(isSingleInstance: resource.instance != nil) else {
            return .text(
                .notAcceptable,
                "Accept: found no media type served here, expected multipart/related; type=\"application/dicom\""
            )
        }
        let representation = Representation(acceptance: acceptance, form: form, codec: codec)
        let availability = try await availability(of: resource)
        if case .arriving(let arriving) = availability {
            return try await response(resource, arriving, representation)
        }
        let all = try catalogue.instances(of: resource)
        guard !all.isEmpty else { return Self.missing(resource, availability) }
        let wanted = all.filter { representation.syntax(stored: $0.transferSyntax) != nil }
        guard let first = wanted.first else {
            let stored = Set(all.map(\.transferSyntax.string)).sorted().joined(separator: ", ")
            return .text(
                .notAcceptable,
                "Accept: transfer-syntax: found none that is stored or can be made of what is, which is \(stored)"
            )
        }
        let isStored = wanted.allSatisfy {
            representation.syntax(stored: $0.transferSyntax) == $0.transferSyntax
        }
        var response: HTTPResponse
        if form == .single {
            response = try single(try await representation.represent(first))
        } else if isStored, scope?.otherPatientID == nil {
            response = Self.multipart(wanted)
        } else {
            response = parts(resource, kept: wanted, nil, representation)
        }
        if wanted.count < all.count {
            response.status = .partialContent
            response.warn("\(all.count - wanted.count) instances are in no acceptable transfer syntax")
        }
        Self.tell(availability, &response)
        return response
    }

    /// Says of a response what of the archive's is not in it.
    private static func tell(_ availability: RetrievalTable.Availability, _ response: inout HTTPResponse) {
        switch availability {
        case .undeliverable(let count):
            response.status = .partialContent
            response.warn("\(count) instances are listed by the archive, which does not deliver them")
        case .unknown: response.warn("the archive does not answer: instances may be missing")
        case .complete, .arriving: break
        }
    }

    /// What is here, then what arrives.
    private func response(
        _ resource: DICOMwebRoute.Resource,
        _ arriving: ArrivingInstances,
        _ representation: Representation
    ) async throws -> HTTPResponse {
        guard representation.form == .single else {
            let kept = try catalogue.instances(of: resource).filter {
                !arriving.wanted.contains($0.sopInstanceUID)
            }
            return parts(resource, kept: kept, arriving, representation)
        }
        let (instances, availability) = try await gathered(resource, .arriving(arriving))
        guard let instance = instances.first else { return Self.missing(resource, availability) }
        return try single(try await representation.represent(instance))
    }

    /// Parts whose lengths are not known beforehand.
    private func parts(
        _ resource: DICOMwebRoute.Resource,
        kept: [RetrievableInstance],
        _ arriving: ArrivingInstances?,
        _ representation: Representation
    ) -> HTTPResponse {
        var generator = SystemRandomNumberGenerator()
        let multipart = MultipartRelated(using: &generator)
        let parts = ArrivingParts(
            resource: resource,
            kept: kept,
            arriving: arriving,
            representation: representation,
            multipart: multipart,
            catalogue: catalogue,
            scope: scope
        )
        return HTTPResponse(
            .ok,
            headers: ["Content-Type": multipart.contentType, "Cache-Control": "private, no-store"],
            body: .arriving(parts)
        )
    }

    private func availability(
        of resource: DICOMwebRoute.Resource
    ) async throws -> RetrievalTable.Availability {
        try await retrievals?.availability(of: resource, only: scope?.sopInstanceUIDs, priority: .viewer)
            ?? .complete
    }

    /// What is kept of the resource once what the archive has of it is here, or does not come.
    func gathered(
        _ resource: DICOMwebRoute.Resource,
        _ known: RetrievalTable.Availability? = nil
    ) async throws -> ([RetrievableInstance], RetrievalTable.Availability) {
        var availability = known ?? .complete
        if known == nil { availability = try await self.availability(of: resource) }
        if case .arriving(let arriving) = availability {
            do {
                for try await _ in arriving.uids() {}
                availability = .complete
            } catch {
                availability = .unknown(reason: "\(error)")
            }
        }
        return (try catalogue.instances(of: resource), availability)
    }

    static func missing(
        _ resource: DICOMwebRoute.Resource,
        _ availability: RetrievalTable.Availability = .complete
    ) -> HTTPResponse {
        let level = resource.instance != nil ? "instance" : resource.series != nil ? "series" : "study"
        switch availability {
        case .unknown, .undeliverable:
            var response = HTTPResponse.text(
                .serviceUnavailable,
                "\(level): found nothing kept under these UIDs, and an archive that does not deliver"
            )
            response.headers.add(name: "Retry-After", value: "30")
            return response
        case .complete, .arriving:
            return .text(.notFound, "\(level): found nothing kept under these UIDs")
        }
    }

    private func single(_ instance: RetrievableInstance) throws -> HTTPResponse {
        let pieces = try scope?.pieces(of: instance) ?? RetrievedPieces(instance.file)
        let (first, second) = (pieces.first, pieces.second)
        return HTTPResponse(
            .ok,
            headers: [
                "Content-Type": "application/dicom; transfer-syntax=\(instance.transferSyntax)",
                "Cache-Control": "private, no-store",
            ],
            body: .parts(count: second == nil ? 1 : 2, length: pieces.length) { index in
                if index == 1, let second { return HTTPBodyPart(head: second.bytes, extent: second.extent) }
                return HTTPBodyPart(head: [], extent: first)
            }
        )
    }

    /// One part per instance; every length is known beforehand, so that nothing is held back.
    private static func multipart(_ instances: [RetrievableInstance]) -> HTTPResponse {
        var generator = SystemRandomNumberGenerator()
        let multipart = MultipartRelated(using: &generator)
        @Sendable func head(_ index: Int) -> [UInt8] {
            multipart.partHeader(
                isFirst: index == 0,
                transferSyntax: instances[index].transferSyntax,
                contentLength: Int(instances[index].file.length)
            )
        }
        var length = Int64(multipart.closing.count)
        for index in instances.indices { length += Int64(head(index).count) + instances[index].file.length }
        var contentType = multipart.contentType
        if let syntax = instances.first?.transferSyntax, instances.allSatisfy({ $0.transferSyntax == syntax })
        {
            contentType += "; transfer-syntax=\(syntax)"
        }
        return HTTPResponse(
            .ok,
            headers: ["Content-Type": contentType, "Cache-Control": "private, no-store"],
            body: .parts(count: instances.count + 1, length: length) { index in
                guard index < instances.count else {
                    return HTTPBodyPart(head: multipart.closing, extent: nil)
                }
                return HTTPBodyPart(head: head(index), extent: instances[index].file)
            }
        )
    }

    // MARK: Metadata and search

    private func metadata(
        _ resource: DICOMwebRoute.Resource,
        _ request: HTTPRequest
    ) async throws -> HTTPResponse {
        guard try acceptsJSON(request) else { return Self.wantsJSON }
        let (instances, availability) =
            scope?.studyURL == nil
            ? (try catalogue.instances(of: resource), .complete) : try await gathered(resource)
        guard !instances.isEmpty else { return Self.missing(resource, availability) }
        var response = JSONArrayBody.response(instances, url: url(request))
        Self.tell(availability, &response)
        return response
    }

    /// Where an instance is to be had, by who asks.
    func url(_ request: HTTPRequest) -> @Sendable (RetrievableInstance) -> String {
        if let studyURL = scope?.studyURL { return { $0.url(ofStudy: studyURL) } }
        let baseURL = Self.baseURL(request)
        return { $0.url(baseURL) }
    }

    private func search(
        _ level: QIDOQuery.Level,
        _ study: UID?,
        _ series: UID?,
        _ request: HTTPRequest
    ) throws -> HTTPResponse {
        guard try acceptsJSON(request) else { return Self.wantsJSON }
        let query = try QIDOQuery.parse(level: level, request.query)
        let results = try catalogue.search(query, study: study, series: series)
        guard !results.isEmpty else { return HTTPResponse(.noContent) }
        var headers = JSONArrayBody.headers
        if query.fuzzyMatching {
            headers.add(name: "Warning", value: "299 - \"fuzzymatching is not supported, matching is exact\"")
        }
        let body = SearchAnswer(query: query, isBelowStudy: study != nil, baseURL: Self.baseURL(request))
        return HTTPResponse(.ok, headers: headers, body: .bytes(body.json(results)))
    }

    func acceptsJSON(_ request: HTTPRequest) throws(AcceptError) -> Bool {
        RetrieveAcceptance(try AcceptHeader.parse(request.headers["Accept"])).acceptsMetadata != nil
    }

    static var wantsJSON: HTTPResponse {
        .text(.notAcceptable, "Accept: found no media type served here, expected application/dicom+json")
    }

    /// As the client named us, so that its URLs come back to the same door; relative where the name is odd.
    static func baseURL(_ request: HTTPRequest) -> String {
        guard let host = request.headers.first(name: "Host"), host.utf8.count <= 255,
            host.utf8.allSatisfy({ isHostByte($0) })
        else { return "/dicomweb" }
        return "\(request.security == nil ? "http" : "https")://\(host)/dicomweb"
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: ".:-[]_".utf8.contains(byte)
        }
    }
}
