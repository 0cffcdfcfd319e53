// SPDX-License-Identifier: Apache-2.0
import Admin
import Glibc
import Linux
import Provisioning

/// Reads the certificates that the box shows and trusts. What only the gateway may read is asked of the probe.
struct CertificateWatch: Sendable {
    private static let longest = 1 << 20
    private static let seconds = 5

    let enrolment: Enrolment
    let transactions: ConfigurationTransactions
    let hardware: HardwareProbe

    func readings() async -> [CertificateExpiry.Reading] {
        let gateway = enrolment.settings.gateway(for: await transactions.box)
        var readings = enrolment.reading.map { [$0] } ?? []
        for file in gateway.certificateFiles {
            readings.append(
                CertificateExpiry.Reading(
                    name: file.name,
                    path: file.path,
                    areAuthorities: file.areAuthorities,
                    content: await content(file.path)
                )
            )
        }
        return readings
    }

    private func content(_ path: String) async -> Result<String, CertificateExpiry.Failure> {
        do throws(SystemCallError) {
            return .success(CertificateText.certificates(in: try readFile(path, limit: Self.longest)))
        } catch {
            guard error.errno == EACCES || error.errno == EPERM else { return .failure(.init("\(error)")) }
            switch await hardware.ask(.certificates(path: path), seconds: Self.seconds) {
            case .certificates(let text)?: return .success(text)
            case .refused(let reason)?: return .failure(.init(reason))
            default: return .failure(.init("\(error)"))
            }
        }
    }
}
