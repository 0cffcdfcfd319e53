// SPDX-License-Identifier: Apache-2.0
import DICOM
import DMP
import Foundation
import IHE
import Identity
import NIOHTTP1
import Synchronization
import Testing
import Transfer
import XML

@testable import Consumer

private let gp = Professional(
    identifier: "899700000002",
    subject: "f:2",
    familyName: "MEDECIN",
    givenName: "PAUL",
    activities: [activity("1750803447"), activity("1999999999")]
)

private func activity(_ structure: String) -> Professional.Activity {
    Professional.Activity(structureIdentifier: structure, structureName: "S \(structure)")
}

/// A record that knows one patient; what it was asked, in order.
private final class Record: HealthRecord {
    let asked = Mutex<[String]>([])
    let answers: Mutex<RecordAccess>
    let documents: [RegisteredDocument]
    let error: RecordError?

    init(_ access: RecordAccess, _ documents: [RegisteredDocument] = [], error: RecordError? = nil) {
        answers = Mutex(access)
        self.documents = documents
        self.error = error
    }

    private func note(_ question: String, _ consultant: Consultant) throws(RecordError) {
        let why = consultant.emergency.map { " \($0)" } ?? ""
        asked.withLock { $0.append("\(question) \(consultant.activity.structureIdentifier ?? "")\(why)") }
        if let error { throw error }
    }

    func access(_ patient: PatientContext, by consultant: Consultant) async throws(RecordError)
        -> RecordAccess
    {
        try note("access", consultant)
        return answers.withLock { $0 }
    }

    func authorise(_ patient: PatientContext, by consultant: Consultant) async throws(RecordError) {
        try note("authorise", consultant)
        answers.withLock { $0 = .granted(isTreatingPhysician: false) }
    }

    func search(_ filter: ExamFilter, _ patient: PatientContext, by consultant: Consultant)
        async throws(RecordError) -> RecordSearch
    {
        try note(
            "search \(Self.words(filter.modalities))\(Self.place(filter.regions)) from \(filter.from ?? "*")",
            consultant
        )
        return RecordSearch(exams: Exam.pair(documents), unreadable: 0)
    }

    private static func words(_ values: [String]) -> String {
        values.isEmpty ? "*" : values.joined(separator: "+")
    }

    private static func place(_ values: [String]) -> String {
        values.isEmpty ? "" : " of \(values.joined(separator: "+"))"
    }

    func document(_ document: RegisteredDocument, _ patient: PatientContext, by consultant: Consultant)
        async throws(RecordError) -> [UInt8]
    {
        try note("document", consultant)
        return Array("<no manifest>".utf8)
    }
}

private struct NoBox: ImageSource {
    func retrieve(
        _ series: ExamManifest.Series,
        of manifest: UID,
        study: UID,
        purpose: RetrievePurpose,
        token: String,
        onInstance: @escaping @Sendable (UID) -> Void
    ) async throws(ImageSourceError) -> [UID: ImageFailure] {
        throw .unreachable("there is none")
    }
}

private struct Silent: Error {}

/// The pages with a record, no other box, and an identity provider that does not answer.
private final class Office: Sendable {
    let service: ConsumerService
    let shelf: Shelf
    let clock = Clock()

    init(_ record: Record, identify: (@Sendable (String) async throws(SignInError) -> Professional)? = nil) {
        let party = RelyingParty(
            settings: .init(
                issuer: "https://psc.example",
                discoveryURL: "https://psc.example/d",
                clientID: "box",
                redirectURI: "http://127.0.0.1:1/consumer/signed-in"
            ),
            exchange: ProviderExchange(get: { _, _ in throw Silent() }, post: { _, _, _ in throw Silent() }),
            now: { 0 },
            random: { [UInt8](repeating: 7, count: $0) }
        )
        let shelf = Shelf()
        service = ConsumerService(
            .init(
                publicURL: "http://127.0.0.1:1",
                viewing: .export,
                sessionIdleMinutes: 15,
                contextSeconds: 120,
                software: "DRIMbox",
                version: "1"
            ),
            .init(
                party: party,
                record: record,
                images: NoBox(),
                archive: nil,
                thumbnail: { _, _ in .text(.ok, "picture") },
                knowsStructure: { $0 == "1750803447" },
                traces: TraceBook(key: [UInt8](repeating: 1, count: 32)) {
                    user,
                    action,
                    subject,
                    outcome,
                    reason in
                    try shelf.put("\(user) | \(action) | \(subject) | \(outcome) | \(reason)")
                },
                identify: identify
            ),
            now: clock.now
        )
        self.shelf = shelf
    }

    /// Traces, which can be made to fail.
    final class Shelf: Sendable {
        let rows = Mutex<[String]>([])
        let isFull = Mutex(false)

        func put(_ row: String) throws {
            if isFull.withLock({ $0 }) { throw Silent() }
            rows.withLock { $0.append(row) }
        }
    }

    /// A browser of the professional, signed in; nothing is opened yet.
    func browser(_ professional: Professional = gp, structure: String? = "1750803447") throws -> Browser {
        let tokens = Tokens(
            accessToken: "a",
            refreshToken: nil,
            idToken: "i",
            accessExpires: 1,
            refreshExpires: nil
        )
        let (session, secret) = try #require(service.sessions.begin(.signedIn(professional, tokens)))
        session.change { $0.activity = structure.map(activity) }
        return Browser(office: self, secret: secret, token: session.formToken)
    }

    func send(
        _ method: HTTPMethod,
        _ uri: String,
        _ body: String = "",
        headers: HTTPHeaders = [:]
    ) async -> HTTPResponse {
        var headers = headers
        if method == .POST, !headers.contains(name: "Content-Type") {
            headers.add(name: "Content-Type", value: "application/x-www-form-urlencoded")
        }
        return await service.respond(
            to: HTTPRequest(method: method, uri: uri, headers: headers, body: Array(body.utf8))
        )
    }

    /// Where a contextual call sends its user.
    func call(_ more: String = "") async throws -> String {
        let response = await send(.POST, "/api/conso/parameters", callBody + more)
        let location = try #require(response.headers.first(name: "Location"))
        return String(location.dropFirst("http://127.0.0.1:1".count))
    }
}

private struct Browser {
    let office: Office
    let secret: String
    let token: String

    func get(_ uri: String) async -> HTTPResponse {
        await office.send(.GET, uri, headers: ["Cookie": "drimbox=\(secret)", "Accept-Language": "en"])
    }

    func post(_ uri: String, _ fields: String = "", token: String? = nil) async -> HTTPResponse {
        let form = "token=\(token ?? self.token)" + (fields.isEmpty ? "" : "&\(fields)")
        return await office.send(.POST, uri, form, headers: ["Cookie": "drimbox=\(secret)"])
    }

    /// The path of the patient of a new call.
    func open(_ more: String = "") async throws -> String {
        let response = await get(try await office.call(more))
        return try #require(response.headers.first(name: "Location"))
    }
}

private let callBody = """
    Patient.identifier.value=279035121518989&Patient.identifier.system=1.2.250.1.213.1.4.10&\
    Patient.name.family=PAT-TROIS&Patient.name.given=DOMINIQUE&Patient.gender=F&Patient.birthDate=19790328&\
    Address.district=63220&InformationEtConsentement=true&PatientID=IPP101&PatientIDIssuer=HOPITAL
    """

private func text(_ response: HTTPResponse) -> String {
    if case .bytes(let bytes) = response.body { String(decoding: bytes, as: UTF8.self) } else { "" }
}

private func manifest() throws -> RegisteredDocument {
    let object = """
        <ExtrinsicObject xmlns='urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0' id='urn:uuid:1'
          status='urn:oasis:names:tc:ebxml-regrep:StatusType:Approved'>
          <Classification classificationScheme='urn:uuid:f0306f51-975f-434e-a61c-c59651d33983'
            nodeRepresentation='IMG-KOS'/>
          <ExternalIdentifier identificationScheme='urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab' value='1.2.9'/>
          <ExternalIdentifier identificationScheme='urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427' value='P'/>
        </ExtrinsicObject>
        """
    return try RegisteredDocument(reading: XMLElement(parsing: Array(object.utf8)))
}

@Suite("The consumer's pages, asked") struct ServiceTests {
    private let granted = RecordAccess.granted(isTreatingPhysician: false)

    @Test("a call is answered with 303, or 400 with the reason; both are statistic events") func calls()
        async throws
    {
        let office = Office(Record(granted))
        let good = await office.send(.POST, "/api/conso/parameters", callBody)
        #expect(good.status == .seeOther)
        let location = try #require(good.headers.first(name: "Location"))
        #expect(location.hasPrefix("http://127.0.0.1:1/consumer/open?context="))
        #expect(!location.contains("279035121518989") && !location.contains("PAT-TROIS"))
        let bad = await office.send(.POST, "/api/conso/parameters", "Patient.gender=F")
        #expect(bad.status == .badRequest)
        #expect(text(bad).hasPrefix("InformationEtConsentement: found nothing"))
        let wrongType = await office.send(
            .POST,
            "/api/conso/parameters",
            callBody,
            headers: ["Content-Type": "application/json"]
        )
        #expect(wrongType.status == .badRequest)
        let rows = office.shelf.rows.withLock { $0 }
        #expect(rows.map { $0.split(separator: " | ")[1] } == Array(repeating: "contextual call", count: 3))
        #expect(rows.filter { $0.contains("| succes |") }.count == 1)
        #expect(rows.filter { $0.contains("| erreur |") }.count == 2)
        #expect(!rows.contains { $0.contains("279035121518989") || $0.contains("PAT-TROIS") })
    }

    @Test("a call opens once, for one browser; nobody else sees its patient") func once() async throws {
        let office = Office(Record(granted))
        let mine = try office.browser()
        let theirs = try office.browser()
        let link = try await office.call()
        let path = try #require(await mine.get(link).headers.first(name: "Location"))
        #expect(await theirs.get(link).status == .gone)
        #expect(await mine.get(link).status == .gone)
        #expect(await mine.get(path).status == .ok)
        #expect(await theirs.get(path).status == .notFound)
        #expect(await office.send(.GET, path).status == .unauthorized)
        let rows = office.shelf.rows.withLock { $0 }
        #expect(rows.contains { $0.contains("refused | context") })
        #expect(rows.contains { $0.contains("899700000002 | refused | patient | not of this session") })
    }

    @Test("an authorisation is added on the professional's word, never by itself") func authorisation()
        async throws
    {
        let record = Record(.unauthorised("INEXISTANTE"))
        let office = Office(record)
        let browser = try office.browser()
        let path = try await browser.open()
        let page = await browser.get(path)
        #expect(text(page).contains("Your structure has no authorisation"))
        #expect(await browser.post("\(path)/authorisation").status == .badRequest)
        #expect(await browser.post("\(path)/authorisation", "consent=yes", token: "x").status == .forbidden)
        #expect(record.asked.withLock { $0 } == ["access 1750803447"])
        #expect(await browser.post("\(path)/authorisation", "consent=yes").status == .seeOther)
        #expect(await browser.get(path).status == .ok)
        #expect(
            record.asked.withLock { $0 }.map { $0.split(separator: " ")[0] } == [
                "access", "authorise", "access", "search",
            ]
        )
    }

    @Test("the glass is broken on the professional's word, for one patient, and the record is told why")
    func emergency() async throws {
        let record = Record(.unauthorised("INEXISTANTE"))
        let office = Office(record)
        let browser = try office.browser()
        let path = try await browser.open()
        #expect(text(await browser.get(path)).contains("Emergency access"))
        for fields in ["", "emergency=yes", "emergency=yes&reason=curiosity", "reason=vital"] {
            #expect(await browser.post("\(path)/emergency", fields).status == .badRequest)
        }
        let declared = "emergency=yes&reason=unconscious"
        #expect(await browser.post("\(path)/emergency", declared, token: "x").status == .forbidden)
        #expect(!record.asked.withLock { $0 }.contains { $0.contains("search") })
        #expect(await browser.post("\(path)/emergency", declared).status == .seeOther)
        let page = text(await browser.get(path))
        #expect(page.contains("EMERGENCY ACCESS (BRIS DE GLACE)"))
        #expect(page.contains("The patient is unable to say what they want"))
        #expect(record.asked.withLock { $0.last } == "search * from * 1750803447 unconscious")
        let rows = office.shelf.rows.withLock { $0 }
        #expect(rows.contains { $0.contains("| bris de glace |") && $0.contains("declared | unconscious") })
        // Another patient, or the same one opened again, is opened as any other.
        let other = try await browser.open()
        #expect(!text(await browser.get(other)).contains("EMERGENCY ACCESS"))
    }

    @Test("a patient's refusal is not passed in an emergency") func refusedEmergency() async throws {
        let record = Record(.forbidden)
        let browser = try Office(record).browser()
        let path = try await browser.open()
        _ = await browser.post("\(path)/emergency", "emergency=yes&reason=vital")
        #expect(await browser.get(path).status == .ok)
        #expect(record.asked.withLock { $0 }.allSatisfy { $0.hasPrefix("access") })
    }

    @Test(
        "a record that must not be read is not searched",
        arguments: [RecordAccess.none, .closed, .forbidden, .unauthorised("EXPIREE")]
    ) func closed(_ access: RecordAccess) async throws {
        let record = Record(access)
        let browser = try Office(record).browser()
        let path = try await browser.open()
        #expect(await browser.get(path).status == .ok)
        #expect(record.asked.withLock { $0 } == ["access 1750803447"])
    }

    @Test("without a trace there is no access") func untraced() async throws {
        let office = Office(Record(granted))
        let browser = try office.browser()
        let path = try await browser.open()
        office.shelf.isFull.withLock { $0 = true }
        let page = await browser.get(path)
        #expect(page.status == .serviceUnavailable)
        #expect(!text(page).contains("PAT-TROIS"))
        #expect(await office.send(.POST, "/api/conso/parameters", callBody).status == .serviceUnavailable)
    }

    @Test("what the record says is told, what may pass with Retry-After") func failures() async throws {
        for (kind, status) in [
            (RecordError.Kind.temporary, HTTPResponseStatus.serviceUnavailable), (.permanent, .badGateway),
        ] {
            let office = Office(Record(granted, error: RecordError(kind, "DMP: busy")))
            let browser = try office.browser()
            let page = await browser.get(try await browser.open())
            #expect(page.status == status)
            #expect(text(page).contains("DMP: busy"))
            #expect(page.headers.contains(name: "Retry-After") == (kind == .temporary))
        }
    }

    @Test("a manifest that is none is refused, and traced") func manifestRefused() async throws {
        let office = Office(Record(granted, [try manifest()]))
        let browser = try office.browser()
        let path = try await browser.open()
        #expect(await browser.get(path).status == .ok)
        #expect(await browser.get("\(path)/images/0").status == .notFound)
        #expect(await browser.post("\(path)/images/0").status == .badGateway)
        #expect(await browser.post("\(path)/images/7").status == .notFound)
        #expect(await browser.get("\(path)/reports/0").status == .notFound)
    }

    @Test("a structure is asked for where several come into question, and a call's own is kept to")
    func structures() async throws {
        let office = Office(Record(granted))
        let browser = try office.browser(structure: nil)
        // One of two is configured: it is taken.
        let path = try await browser.open()
        #expect(path.hasPrefix("/consumer/patients/"))
        // A call that names the other one.
        let other = try await browser.open("&Situation=1999999999")
        #expect(other == "/consumer/activity")
        let page = await browser.get("/consumer/activity")
        #expect(page.status == .forbidden)
        #expect(text(page).contains("expected 1999999999"))
        #expect(await browser.post("/consumer/activity", "activity=1").status == .badRequest)
        // The patient who was opened before is still there.
        #expect(await browser.get(path).status == .ok)
    }

    @Test("signing out ends the session for whoever has its cookie") func signOut() async throws {
        let office = Office(Record(granted))
        let browser = try office.browser()
        let path = try await browser.open()
        #expect(await browser.post("/consumer/sign-out", token: "0").status == .forbidden)
        #expect(await browser.get(path).status == .ok)
        let out = await browser.post("/consumer/sign-out")
        #expect(out.headers.first(name: "Set-Cookie")?.hasPrefix("drimbox=; Path=/; Max-Age=0") == true)
        #expect(await browser.get(path).status == .unauthorized)
        #expect(await browser.post("/consumer/sign-out").status == .unauthorized)
    }

    @Test("an answer to a sign-in that was not begun here is refused") func forgedSignIn() async throws {
        let office = Office(Record(granted))
        let answer = await office.send(.GET, "/consumer/signed-in?code=x&state=y")
        #expect(answer.status == .forbidden)
        let browser = try office.browser()
        #expect(await browser.get("/consumer/signed-in?code=x&state=y").status == .forbidden)
        // The provider is down: nothing is half begun.
        #expect(await office.send(.GET, "/consumer/sign-in").status == .serviceUnavailable)
    }

    @Test("every answer is sealed") func sealed() async throws {
        let office = Office(Record(granted))
        for path in ["/consumer", "/consumer/style.css", "/nothing", "/consumer/about", "/"] {
            let response = await office.send(.GET, path)
            #expect(
                response.headers.first(name: "Content-Security-Policy")?.hasPrefix("default-src 'none'")
                    == true
            )
            #expect(response.headers.first(name: "Cache-Control") == "no-store")
            #expect(response.headers.first(name: "X-Content-Type-Options") == "nosniff")
        }
        #expect(await office.send(.DELETE, "/consumer").status == .notFound)
        let chosen = await office.send(.GET, "/consumer?lang=en")
        #expect(chosen.status == .seeOther)
        #expect(chosen.headers.first(name: "Set-Cookie")?.hasPrefix("language=en;") == true)
    }

    @Test("cookies that are there twice are nobody's") func doubledCookie() async throws {
        let office = Office(Record(granted))
        let browser = try office.browser()
        let path = try await browser.open()
        let response = await office.send(
            .GET,
            path,
            headers: ["Cookie": "drimbox=\(browser.secret); drimbox=x"]
        )
        #expect(response.status == .unauthorized)
    }
}

@Suite("Prior exams") struct PriorExamTests {
    private static func identify(_ token: String) async throws(SignInError) -> Professional {
        guard token == "good" else { throw .invalid("token", found: "another", expected: "a good one") }
        return gp
    }

    private func ask(_ office: Office, _ more: String = "", token: String? = "good") async -> HTTPResponse {
        var headers: HTTPHeaders = [:]
        if let token { headers.add(name: "Authorization", value: "Bearer \(token)") }
        return await office.send(.POST, "/api/conso/priors", callBody + more, headers: headers)
    }

    @Test("a RIS is told of exams of the kind, and how to see them") func told() async throws {
        let record = Record(.granted(isTreatingPhysician: true), [try manifest()])
        let office = Office(record, identify: Self.identify)
        let response = await ask(office, "&Modality=CT&AnatomicRegion=67734004&Days=365")
        #expect(response.status == .ok)
        let json = try #require(
            try JSONSerialization.jsonObject(with: Data(text(response).utf8)) as? [String: Any]
        )
        #expect(json["access"] as? String == "granted")
        #expect((json["exams"] as? [[String: Any]])?.first?["hasImages"] as? Bool == true)
        let asked = record.asked.withLock { $0 }
        #expect(asked == ["access 1750803447", "search CT of 67734004 from 20221114 1750803447"], "\(asked)")
        let open = try #require(json["open"] as? String).dropFirst("http://127.0.0.1:1".count)
        let browser = try office.browser()
        #expect(await browser.get(String(open)).status == .seeOther)
    }

    @Test("a RIS may ask with the order itself") func order() async throws {
        let record = Record(.granted(isTreatingPhysician: true), [try manifest()])
        let office = Office(record, identify: Self.identify)
        let order = """
            MSH|^~\\&|RIS|A|BOX|A|20260115101500||OMI^O23^OMI_O23|1|P|2.5.1
            PID|||IPP7^^^CLINIQUE&1.2.250.1.999.7&ISO^PI~279035121518989^^^INS-NIR&1.2.250.1.213.1.4.10&ISO^INS||PAT-TROIS^DOMINIQUE^^^^^L||19790328|F|||^^^^^^BDL^^63220
            OBR|1|1||CODE^X|||||||||||^^^302551006&Thorax&SCT
            IPC|A1|R1|1.2.3|S1|CT
            """
        func ask(_ body: String, _ type: String = "x-application/hl7-v2+er7", _ query: String = "?days=365")
            async -> HTTPResponse
        {
            await office.send(
                .POST,
                "/api/conso/priors" + query,
                body,
                headers: ["Authorization": "Bearer good", "Content-Type": type]
            )
        }
        for body in [order, "\u{0B}\(order)\u{1C}\r"] {
            let response = await ask(body)
            #expect(response.status == .ok, "\(text(response))")
            let json = try #require(
                try JSONSerialization.jsonObject(with: Data(text(response).utf8)) as? [String: Any]
            )
            let asked = try #require(json["asked"] as? [String: Any])
            #expect(asked["modalities"] as? [String] == ["CT"])
            #expect((asked["regions"] as? [String])?.first == "67734004")
            let open = try #require(json["open"] as? String).dropFirst("http://127.0.0.1:1".count)
            #expect(await (try office.browser()).get(String(open)).status == .seeOther)
        }
        #expect(
            record.asked.withLock { $0.last }?.hasPrefix(
                "search CT of 67734004+80891009+113257007+38266002 from 20221114"
            ) == true
        )
        // An order with the national identifier alone is answered, and opens nothing.
        let bare = order.replacing("PAT-TROIS^DOMINIQUE^^^^^L||19790328|F|||^^^^^^BDL^^63220", with: "")
        let answer = text(await ask(bare))
        #expect(answer.contains("\"granted\"") && !answer.contains("\"open\""))
        // What is no order is refused by its place, and nothing of the patient is told.
        for (body, type, words) in [
            (order.replacing("1.2.250.1.213.1.4.10", with: "1.2.3"), "x-application/hl7-v2+er7", "PID-3"),
            ("<a/>", "application/xml", "ClinicalDocument/code"), ("x", "text/plain", "Content-Type"),
            (order.replacing("279035121518989", with: "279035121518988"), "application/hl7-v2", "Patient.id"),
        ] {
            let refused = await ask(body, type)
            #expect(refused.status == .badRequest)
            #expect(text(refused).hasPrefix(words), "\(text(refused))")
        }
        #expect(await ask(order, "x-application/hl7-v2+er7", "?days=0").status == .badRequest)
        let rows = office.shelf.rows.withLock { $0 }
        #expect(!rows.contains { $0.contains("279035121518989") || $0.contains("PAT-TROIS") })
    }

    @Test("an unauthorised record is not searched, and says so") func unauthorised() async throws {
        let record = Record(.unauthorised("INEXISTANTE"), [try manifest()])
        let response = await ask(Office(record, identify: Self.identify))
        #expect(text(response).contains("\"unauthorised\""))
        #expect(record.asked.withLock { $0 } == ["access 1750803447"])
    }

    @Test("who has no good token of software that may ask is refused, and traced") func refused() async {
        let office = Office(Record(.granted(isTreatingPhysician: false)), identify: Self.identify)
        #expect(await ask(office, token: nil).status == .unauthorized)
        #expect(await ask(office, token: "bad").status == .unauthorized)
        #expect(await ask(office, "&Days=0").status == .badRequest)
        #expect(await ask(office, "&Modality=XX").status == .badRequest)
        #expect(await ask(office, "&Situation=1999999999").status == .forbidden)
        #expect(office.shelf.rows.withLock { $0.count } == 5)
        #expect(await ask(Office(Record(.none))).status == .notFound)
    }
}
