// SPDX-License-Identifier: Apache-2.0
package import Store

/// Lets manifests be found by their patient that a release wrote which did not say whose they are.
package enum PatientKeys {
    private static let batch = 500

    /// Returns how many were completed.
    @discardableResult
    package static func complete(_ table: PublicationTable) throws(StoreError) -> Int {
        var (last, count) = ("", 0)
        while !Task.isCancelled {
            let after = last
            let (end, done) = try table.transaction { (session) throws(SQLiteError) -> (String?, Int) in
                let found = try session.manifestsWithoutPatient(after: after, limit: batch)
                var done = 0
                for (uid, text) in found {
                    guard let context = try? SubmittedContext(reading: text) else { continue }
                    try session.set(patient: context.report.patient.key, ofManifest: uid)
                    done += 1
                }
                return (found.last?.sopInstanceUID, done)
            }
            count += done
            guard let end else { break }
            last = end
        }
        return count
    }
}
