// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import DICOM
import FoundationEssentials
import Linux

struct ManifestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "manifest",
        abstract: "Manifests of imaging studies, in the national form and in MADO's, DICOM or FHIR.",
        subcommands: [ManifestShowCommand.self]
    )
}

struct ManifestShowCommand: AsyncParsableCommand {
    /// Bytes before the data set of a file, at most.
    private static let head = 64 << 10

    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "What a manifest says, and what is wrong with it; exit 1 if it cannot be used."
    )

    @OptionGroup var options: Options

    @Argument(help: "A Key Object Selection document (DICOM Part 10), or a FHIR Bundle (JSON).")
    var file: String

    @Flag(help: "Say whose it is, and the numbers of its requests.")
    var identity = false

    @Option(
        help: ArgumentHelp(
            "Warn of images elsewhere than on this host; may be repeated.",
            valueName: "name"
        )
    )
    var host: [String] = []

    func run() async throws {
        let document = try Self.read(file)
        let hosts = host.isEmpty ? nil : Set(host.map { $0.lowercased() })
        let report: ManifestReport
        do throws(ManifestError) {
            let manifest = try ImagingManifest(document: document, hosts: hosts)
            report = ManifestReport(manifest, identity: identity)
        } catch {
            report = ManifestReport(error)
        }
        options.show(Array(try JSONEncoder().encode(report))) { options.rendering.manifest(report) }
        if !report.isUsable { throw Exit.failed }
    }

    private static func read(_ file: String) throws -> [UInt8] {
        do {
            return try readFile(file == "-" ? "/dev/stdin" : file, limit: DataSet.maximumLength + head)
        } catch {
            StandardError.print("drimboxctl: \(error)")
            throw Exit.usage
        }
    }
}

/// What is found of a manifest, as JSON has it.
struct ManifestReport: Codable, Equatable {
    enum Form: String, Codable {
        case french
        case mado
        /// MADO's, as FHIR resources.
        case fhir
    }

    struct Series: Codable, Equatable {
        let uid: String
        var number: Int?
        let modality: String
        let description: String
        /// The code's meaning, or words.
        var region: String?
        let instances: Int
        /// Of its Retrieve URL, where that is valid.
        var host: String?
        var retrieveLocation: String?
    }

    struct KeyObject: Codable, Equatable {
        let uid: String
        var title: String?
        var description: String?
    }

    struct Patient: Codable, Equatable {
        struct Request: Codable, Equatable {
            let accessionNumber: String
            var order: String?
        }

        let identifier: String
        let authority: String
        let name: String
        let birthDate: String
        let sex: String
        let requests: [Request]
    }

    let isUsable: Bool
    /// Nil where it can be used.
    var reason: String?
    var form: Form?
    var uid: String?
    var study: String?
    /// Date, time (DICOM's) and description of the study.
    var date: String?
    var time: String?
    var description: String?
    var hasAccessionNumber: Bool?
    var regions: [String]?
    var series: [Series]?
    var keyObjects: [KeyObject]?
    var hasViewer: Bool?
    var warnings: [String]?
    /// Nil unless it was asked for.
    var patient: Patient?

    init(_ error: ManifestError) {
        isUsable = false
        reason = "\(error)"
    }

    init(_ manifest: ImagingManifest, identity: Bool) {
        let (study, context) = (manifest.study, manifest.context)
        isUsable = manifest.isRetrievable
        reason = isUsable ? nil : "RetrieveURL: found none that is valid, expected one in a series at least"
        switch manifest.form {
        case .french: form = .french
        case .mado: form = .mado
        case .fhir: form = .fhir
        }
        uid = manifest.sopInstanceUID.string
        self.study = study.studyInstanceUID.string
        date = study.date
        time = study.time
        description = study.description
        hasAccessionNumber = context.requests.contains { !$0.accessionNumber.value.isEmpty }
        regions = context.targetRegions.map(\.meaning)
        series = study.series.map { item in
            Series(
                uid: item.seriesInstanceUID.string,
                number: item.number,
                modality: item.modality,
                description: item.description,
                region: item.targetRegion?.meaning ?? item.targetRegionText,
                instances: item.instances.count,
                host: manifest.host(of: item),
                retrieveLocation: (item.retrieveLocationUID ?? context.retrieveLocationUID)?.string
            )
        }
        keyObjects = study.series.flatMap(\.instances).filter(\.isKeyObjectSelection).map { item in
            KeyObject(
                uid: item.sopInstanceUID.string,
                title: item.documentTitle?.meaning,
                description: item.documentDescription
            )
        }
        hasViewer = context.displayURI != nil
        warnings = manifest.warnings.map { "\($0)" }
        guard identity else { return }
        patient = Patient(
            identifier: context.patientID.value,
            authority: context.patientID.authority,
            name: context.patientName,
            birthDate: context.patientBirthDate,
            sex: context.patientSex,
            requests: context.requests.map {
                .init(accessionNumber: $0.accessionNumber.value, order: $0.order?.value)
            }
        )
    }
}
