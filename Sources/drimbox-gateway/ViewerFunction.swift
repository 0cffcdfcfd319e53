// SPDX-License-Identifier: Apache-2.0
import Admin
import Consumer
import DICOM
import Identity
import Linux
import NIOHTTP1
import Source
import Store
import Transfer
import Viewer

/// The viewer: the door of reports' links on the viewer's own host, and the consumer's pages, from which exams open in it.
final class ViewerFunction: Sendable {
    let service: ViewerService
    /// The host that reports' links name; nil where they lead nowhere.
    let host: String?
    /// What a RIS is told to put into reports; nil where links lead nowhere.
    let linkTemplate: String?
    /// To those who sign readers in.
    private let providers: [HTTPSClient]

    /// Nil where the configuration has no viewer. `images` has the site's own images, out of the spool and the archives.
    init?(
        _ configuration: GatewayConfiguration,
        security: Security,
        source: SourceFunction?,
        images: DICOMwebService,
        traces: AuditTable?
    ) throws {
        guard let viewer = configuration.viewer, let traces else { return nil }
        let files: StaticFiles
        do throws(StaticFilesError) {
            files = try StaticFiles(directory: viewer.directory)
        } catch {
            throw ConfigurationError(
                path: "viewer.directory",
                found: "\(error)",
                expected: "the files of the viewer's page"
            )
        }
        var door: ViewerService.LinkDoor?
        if let url = viewer.publicURL, let source, let identity = configuration.proSanteConnect {
            var clients: [HTTPSClient] = []
            func party(_ provider: GatewayConfiguration.IdentityProvider, at desk: SignInDesk) throws
                -> RelyingParty
            {
                let client = try security.client(provider)
                clients.append(client)
                return try security.relyingParty(
                    provider,
                    client,
                    redirectURI: url + desk.returnPath,
                    demandsACR: desk == .patients
                )
            }
            door = .init(
                professionals: try party(identity.provider, at: .professionals),
                patients: try viewer.patients.map { patients in
                    ViewerService.PatientDoor(
                        party: try party(patients.provider, at: .patients),
                        claims: .init(
                            nationalIdentifier: patients.identifierClaim,
                            represented: patients.representedClaim
                        ),
                        provider: patients.name
                    )
                },
                exams: LinkedSourceExams(links: source.links(), images: images, site: configuration.site),
                isSecure: url.hasPrefix("https://")
            )
            providers = clients
            host = viewer.host?.lowercased()
            linkTemplate = ImageDisplayLink.template(url)
        } else {
            providers = []
            host = nil
            linkTemplate = nil
        }
        service = ViewerService(
            .init(
                site: configuration.site,
                sessionIdleMinutes: viewer.sessionIdleMinutes,
                sessionHours: viewer.sessionHours,
                downloaders: Set(viewer.download)
            ),
            files: files,
            door: door,
            traces: ViewTraces { user, action, subject, outcome, reason in
                try traces.append(
                    time: WallClock.milliseconds(),
                    user: user,
                    action: action,
                    subject: subject,
                    outcome: outcome,
                    reason: reason
                )
            },
            now: { WallClock.milliseconds() }
        )
    }

    /// Stands before what other boxes ask: under the viewer's host there is the viewer, and nothing else.
    func door(before others: any HTTPResponder) -> any HTTPResponder {
        guard let host else { return others }
        return ViewerHost(host: host, viewer: service, others: others)
    }

    /// Looks after the sessions until the task is cancelled.
    func run() async { await service.run() }

    func shutdown() async {
        for provider in providers { await provider.shutdown() }
    }
}

extension Set<Reader.Role> {
    fileprivate init(_ download: GatewayConfiguration.Viewer.Download) {
        switch download {
        case .nobody: self = []
        case .doctors: self = [.doctor]
        case .readers: self = [.doctor, .patient, .representative]
        }
    }
}

/// One port, two names: browsers come to the viewer's, boxes to the other.
private struct ViewerHost: HTTPResponder {
    let host: String
    let viewer: ViewerService
    let others: any HTTPResponder

    func respond(to request: HTTPRequest) async -> HTTPResponse {
        isForViewer(request) ? await viewer.respond(to: request) : await others.respond(to: request)
    }

    func receiver(for request: HTTPRequest) -> (any HTTPBodyReceiver)? {
        isForViewer(request) ? nil : others.receiver(for: request)
    }

    private func isForViewer(_ request: HTTPRequest) -> Bool {
        guard let name = request.headers.first(name: "Host")?.lowercased() else { return false }
        guard !name.hasSuffix("]"), let end = name.lastIndex(of: ":") else { return name == host }
        return name[..<end] == host
    }
}

/// The consumer's pages, and the viewer below its own path on the same host.
struct ViewerPath: HTTPResponder {
    let viewer: ViewerService
    let others: any HTTPResponder

    func respond(to request: HTTPRequest) async -> HTTPResponse {
        request.path.hasPrefix("/viewer/")
            ? await viewer.respond(to: request) : await others.respond(to: request)
    }

    func receiver(for request: HTTPRequest) -> (any HTTPBodyReceiver)? {
        request.path.hasPrefix("/viewer/") ? nil : others.receiver(for: request)
    }
}

/// The exams of the source, as the links of its reports lead to them.
private struct LinkedSourceExams: LinkedExams {
    let links: ReportLinks
    let images: DICOMwebService
    let site: String

    func find(_ link: ImageDisplayLink) throws -> LinkTarget {
        let target = try links.find(
            study: link.studyInstanceUID.string,
            accessionNumber: link.accessionNumber,
            report: link.reportID
        )
        let (exam, patient): (Int64, String)
        switch target {
        case .unknown: return .unknown
        case .withdrawn: return .withdrawn
        case .unavailable: return .unavailable
        case .exam(let report):
            (exam, patient) = (report.exam, report.context.patient.nationalIdentifier.value)
        }
        let (links, images, site) = (links, images, site)
        let linked = LinkedExam(nationalIdentifier: patient) { reader in
            ExamAccess(images: images) {
                switch try links.look(exam) {
                case .unknown, .withdrawn, .unavailable: return .withdrawn
                case .exam(let report):
                    return report.context.isHidden(from: reader, asExamOf: patient)
                        ? .hidden
                        : .open(
                            ViewedExam(
                                report,
                                isReplaced: report.context.reportID != link.reportID,
                                site: site
                            )
                        )
                }
            }
        }
        return .found(linked)
    }
}

extension ReportContext {
    /// Whether its confidentiality codes (1.2.250.1.213.1.1.4.13) hide it. `patient` is the INS of whose exam it was when the
    /// reader came: a report that has become another patient's since is hidden from who came as the former.
    fileprivate func isHidden(from reader: Reader, asExamOf patient: String) -> Bool {
        switch reader.role {
        case .doctor:
            // Nobody here knows who the patient's own physician is; who answered for the report has seen it.
            visibility.isMaskedFromProfessionals && legalAuthenticator.identifier != reader.identifier
        case .patient:
            visibility.isInvisibleToPatient || self.patient.nationalIdentifier.value != patient
        case .representative:
            // What is to be told to the patient in person is not told to those who see it for them.
            visibility.isInvisibleToLegalRepresentatives || visibility.isInvisibleToPatient
                || self.patient.nationalIdentifier.value != patient
        }
    }
}

extension ViewedExam {
    fileprivate init(_ report: LinkedReport, isReplaced: Bool, site: String) {
        let context = report.context
        let patient = context.patient
        self.init(
            studyInstanceUID: report.studyInstanceUID,
            sopInstanceUIDs: report.sopInstanceUIDs,
            description: context.acts.first?.meaning ?? context.title.meaning,
            date: String(context.serviceStart.prefix(8)),
            modalities: report.modalities,
            accessionNumber: context.accessionNumber.value,
            origin: context.institution?.name ?? site,
            patient: ViewedPatient(
                birthName: patient.birthFamilyName,
                firstGivenName: patient.firstBirthGivenName,
                givenNames: patient.birthGivenNames,
                usedName: patient.usedFamilyName,
                usedGivenName: patient.usedGivenName,
                birthDate: patient.birthDate,
                sex: patient.sex,
                birthPlace: patient.birthplace,
                nationalIdentifier: patient.nationalIdentifier.value,
                nationalAuthority: patient.nationalIdentifier.authority,
                localIdentifier: patient.localIdentifier?.value
            ),
            isReplaced: isReplaced
        )
    }

    fileprivate init(_ exam: FetchedExam, _ arrived: Set<UID>, isArriving: Bool) {
        let patient = exam.patient
        self.init(
            studyInstanceUID: exam.manifest.studyInstanceUID,
            sopInstanceUIDs: arrived,
            description: exam.title,
            date: String(exam.performed.prefix(8)),
            modalities: exam.modalities,
            accessionNumber: exam.accessionNumber,
            origin: exam.institution,
            patient: ViewedPatient(
                birthName: patient.birthFamilyName,
                firstGivenName: patient.firstGivenName,
                givenNames: patient.birthGivenNames,
                usedName: patient.usedFamilyName,
                usedGivenName: patient.usedGivenName,
                birthDate: patient.birthDate,
                sex: patient.sex.rawValue,
                birthPlace: patient.birthPlace,
                nationalIdentifier: patient.nationalIdentifier.value,
                nationalAuthority: patient.nationalIdentifier.authority,
                localIdentifier: patient.localIdentifier
            ),
            isArriving: isArriving,
            isIncomplete: !isArriving && arrived.count < exam.manifest.instances.count
        )
    }
}

/// From the consumer's pages to the viewer: the same professional, the images that came for them.
struct ConsumerViewer: ImageViewer {
    let viewer: ViewerService
    /// Of the spool in which images lie that are looked at.
    let images: DICOMwebService

    func open(_ exams: [FetchedExam], by professional: Professional, language: String, isSecure: Bool)
        -> (location: String, cookie: String)?
    {
        viewer.open(
            exams.map { exam in
                ExamAccess(images: images, report: exam.report) {
                    exam.arrived().map { .open(ViewedExam(exam, $0.instances, isArriving: $0.isRunning)) }
                        ?? .over
                }
            },
            by: Reader(role: .doctor, identifier: professional.identifier, purpose: "consumer"),
            language: Viewer.Language(rawValue: language) ?? .french,
            isSecure: isSecure
        )
    }
}
