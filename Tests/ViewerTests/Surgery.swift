// SPDX-License-Identifier: Apache-2.0
import Crypto
import DICOM
import Foundation
import Identity
import NIOHTTP1
import Synchronization
import Testing
import Transfer

@testable import Viewer

/// An archive that has nothing, and remembers what it was asked for.
final class EmptyCatalogue: InstanceCatalogue {
    let asked = Mutex<[DICOMwebRoute.Resource]>([])

    func instances(of resource: DICOMwebRoute.Resource) throws -> [RetrievableInstance] {
        asked.withLock { $0.append(resource) }
        return []
    }

    func search(_ query: QIDOQuery, study: UID?, series: UID?) throws -> [SearchResult] {
        throw UnsupportedSearch("search")
    }
}

/// What links lead to, as a test says it.
final class Shelf: LinkedExams {
    let exams = Mutex<[ImageDisplayLink: ExamState]>([:])
    let isUnavailable = Mutex(false)
    let catalogue = EmptyCatalogue()
    /// Whose exams they all are.
    static let patient = "279035121518989"
    let unseenBy = Mutex<Set<Reader.Role>>([])
    /// Who may see what is hidden.
    let author = "899700000009"

    subscript(link: ImageDisplayLink) -> ExamState? {
        get { exams.withLock { $0[link] } }
        set { exams.withLock { $0[link] = newValue } }
    }

    func find(_ link: ImageDisplayLink) throws -> LinkTarget {
        if isUnavailable.withLock({ $0 }) { return .unavailable }
        switch self[link] {
        case nil, .over: return .unknown
        case .withdrawn: return .withdrawn
        case .open, .hidden:
            return .found(
                LinkedExam(nationalIdentifier: Self.patient) { reader in
                    ExamAccess(images: DICOMwebService(catalogue: self.catalogue)) {
                        let state = self[link] ?? .withdrawn
                        if self.unseenBy.withLock({ $0.contains(reader.role) }) { return .hidden }
                        return state == .hidden && reader.identifier == self.author
                            ? .open(exam(link)) : state
                    }
                }
            )
        }
    }
}

func exam(_ link: ImageDisplayLink, birthName: String = "PAT-TROIS") -> ViewedExam {
    ViewedExam(
        studyInstanceUID: link.studyInstanceUID,
        sopInstanceUIDs: Set([UID("1.2.3.4")].compactMap(\.self)),
        description: "Scanner",
        date: "20260115",
        modalities: ["CT"],
        accessionNumber: link.accessionNumber,
        origin: "Nord",
        patient: ViewedPatient(
            birthName: birthName,
            firstGivenName: "DOMINIQUE",
            givenNames: ["DOMINIQUE", "MARIE"],
            birthDate: "19790328",
            sex: "F",
            birthPlace: "63220",
            nationalIdentifier: "279035121518989",
            nationalAuthority: "1.2.250.1.213.1.4.10",
            localIdentifier: "IPP101"
        )
    )
}

/// An identity provider at hand: whoever has a code `NAME` is the professional NAME, and, where NAME is
/// `INS[-INS of whom they represent]…`, that patient.
private final class Provider: Sendable {
    static let secret = "a secret of thirty-two characters"
    let nonce = Mutex("")
    let isSilent = Mutex(false)

    struct Silent: Error {}

    func exchange(_ now: @escaping @Sendable () -> Int64) -> ProviderExchange {
        ProviderExchange(
            get: { [self] url, bearer in
                if isSilent.withLock({ $0 }) { throw Silent() }
                let body: [String: Any] =
                    url.hasSuffix("/userinfo")
                    ? Self.claims(bearer ?? "")
                    : [
                        "issuer": "https://psc.example", "authorization_endpoint": "https://psc.example/auth",
                        "token_endpoint": "https://psc.example/token",
                        "userinfo_endpoint": "https://psc.example/userinfo",
                        "jwks_uri": "https://psc.example/certs",
                    ]
                return .init(status: 200, contentType: "application/json", body: Self.json(body))
            },
            post: { [self] form, _, _ in
                let fields = Dictionary(
                    form.encoded.split(separator: "&").map { pair in
                        let parts = pair.split(separator: "=").map(String.init)
                        return (parts[0], parts.count > 1 ? parts[1] : "")
                    },
                    uniquingKeysWith: { $1 }
                )
                let who = fields["code"] ?? ""
                let claims: [String: Any] = [
                    "iss": "https://psc.example", "aud": "box", "sub": "f:\(who)",
                    "exp": now() / 1000 + 300, "iat": now() / 1000, "nonce": nonce.withLock { $0 },
                    "acr": "eidas1",
                ]
                let answer: [String: Any] = [
                    "access_token": who, "token_type": "Bearer", "expires_in": 300,
                    "id_token": Self.token(claims),
                ]
                return .init(status: 200, contentType: "application/json", body: Self.json(answer))
            }
        )
    }

    private static func claims(_ name: String) -> [String: Any] {
        let identifiers = name.split(separator: "-").map(String.init)
        return [
            "sub": "f:\(name)", "SubjectNameID": name, "family_name": "X", "ins": identifiers.first ?? "",
            "children": Array(identifiers.dropFirst()),
        ]
    }

    private static func json(_ value: [String: Any]) -> [UInt8] {
        ((try? JSONSerialization.data(withJSONObject: value)).map(Array.init)) ?? []
    }

    private static func token(_ claims: [String: Any]) -> String {
        func encoded(_ bytes: [UInt8]) -> String {
            Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
                .replacing("=", with: "")
        }
        let head = encoded(json(["alg": "HS256", "typ": "JWT"])) + "." + encoded(json(claims))
        let code = HMAC<SHA256>.authenticationCode(
            for: Data(head.utf8),
            using: SymmetricKey(data: Data(secret.utf8))
        )
        return head + "." + encoded(Array(code))
    }
}

/// The viewer with an identity provider, and a shelf of exams behind it.
final class Surgery: Sendable {
    let service: ViewerService
    let shelf = Shelf()
    let clock = Clock()
    private let rows = Relay<[String]>([])
    private let isDiskFull = Relay(false)
    private let provider = Provider()

    struct Full: Error {}

    /// With `patients` the same provider signs patients in, at their own door.
    init(
        files: [String: String] = ["index.html": "<!DOCTYPE html><p>viewer", "main.js": ""],
        patients: PatientIdentity.ClaimNames? = nil
    ) throws {
        let (rows, isDiskFull) = (rows, isDiskFull)
        let directory = try PageDirectory(files)
        let now = clock.now
        let exchange = provider.exchange(now)
        func party(_ desk: SignInDesk) -> RelyingParty {
            RelyingParty(
                settings: .init(
                    issuer: "https://psc.example",
                    discoveryURL: "https://psc.example/d",
                    clientID: "box",
                    clientSecret: Provider.secret,
                    redirectURI: "https://vi1.example\(desk.returnPath)"
                ),
                exchange: exchange,
                now: { now() / 1000 },
                random: { count in (0..<count).map { _ in UInt8.random(in: 0...255) } }
            )
        }
        service = ViewerService(
            .init(site: "Nord <b>", sessionIdleMinutes: 15, sessionHours: 8),
            files: try StaticFiles(directory: directory.url.path),
            door: .init(
                professionals: party(.professionals),
                patients: patients.map {
                    .init(party: party(.patients), claims: $0, provider: "Mon espace <santé>")
                },
                exams: shelf,
                isSecure: true
            ),
            traces: ViewTraces { user, action, subject, outcome, reason in
                if isDiskFull.value { throw Full() }
                rows.change { $0.append("\(user)|\(action)|\(subject)|\(outcome)|\(reason)") }
            },
            now: now
        )
    }

    var traces: [String] { rows.value }

    func fillDisk() { isDiskFull.change { $0 = true } }

    func silenceProvider() { provider.isSilent.withLock { $0 = true } }

    func noteNonce(of url: String) {
        let nonce = Visitor.field("nonce", of: url)
        provider.nonce.withLock { $0 = nonce }
    }
}

/// A value that closures share.
final class Relay<Value: Sendable>: Sendable {
    private let held: Mutex<Value>

    init(_ value: Value) { held = Mutex(value) }

    var value: Value { held.withLock { $0 } }

    func change(_ body: (inout Value) -> Void) { held.withLock { body(&$0) } }
}

/// A browser: it keeps cookies, and follows nothing by itself.
final class Visitor {
    struct Answer {
        let status: Int
        let headers: HTTPHeaders
        let text: String

        var location: String { headers.first(name: "Location") ?? "" }
    }

    private let surgery: Surgery
    var cookies: [String: String] = [:]

    init(_ surgery: Surgery) { self.surgery = surgery }

    func ask(_ uri: String, _ method: HTTPMethod = .GET, _ headers: HTTPHeaders = [:]) async -> Answer {
        var headers = headers
        if !cookies.isEmpty {
            headers.add(name: "Cookie", value: cookies.map { "\($0)=\($1)" }.joined(separator: "; "))
        }
        let response = await surgery.service.respond(
            to: HTTPRequest(method: method, uri: uri, headers: headers)
        )
        for cookie in response.headers["Set-Cookie"] {
            let pair = cookie.split(separator: ";")[0].split(separator: "=", maxSplits: 1)
            cookies[String(pair[0])] = pair.count > 1 && !cookie.contains("Max-Age=0") ? String(pair[1]) : nil
        }
        var text = ""
        if case .bytes(let bytes) = response.body { text = String(decoding: bytes, as: UTF8.self) }
        return Answer(status: Int(response.status.code), headers: response.headers, text: text)
    }

    func follow(_ query: String) async -> Answer { await ask("/IHEInvokeImageDisplay?" + query) }

    /// Follows a link and signs in; the answer to who comes back.
    func signIn(_ query: String, as professional: String) async -> Answer {
        let begun = await follow(query)
        surgery.noteNonce(of: begun.location)
        let state = Self.field("state", of: begun.location)
        return await ask("/viewer/signed-in?state=\(state)&code=\(professional)")
    }

    static func field(_ name: String, of url: String) -> String {
        let found = url.split(separator: "?").last?.split(separator: "&").first { $0.hasPrefix(name + "=") }
        return found.map { String($0.dropFirst(name.count + 1)) } ?? ""
    }
}
