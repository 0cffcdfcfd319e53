// SPDX-License-Identifier: Apache-2.0
package import Admin

/// What a file system's report means. The codes end with the mount point, its slashes as `-`; that of `/` is
/// `root`: `W-FS-02:var-lib-drimbox`.
///
/// - `E-FS-01` it refuses writes
/// - `W-FS-02`, `E-FS-02` it fills up; `W-FS-03`, `E-FS-03` its inodes run out
package enum FileSystemRules {
    /// Percent used.
    static let usage = Limits(warning: 80, clearsBelow: 75, critical: 95, clearsBelow: 90)

    package static func issues(of report: FileSystemReport, earlier: [Issue], now: Timestamp) -> [Issue] {
        var maker = IssueMaker(
            earlier: earlier,
            now: now,
            about: subject(of: report.path),
            facts: ["path": report.path]
        )
        raiseErrors(report, &maker)
        if report.totalBytes > 0 {
            let used = 100 - 100 * Double(report.freeBytes) / Double(report.totalBytes)
            let evidence = [
                "used": used.short, "freeBytes": "\(report.freeBytes)", "totalBytes": "\(report.totalBytes)",
            ]
            raise(used, number: "02", what: "file system \(report.path)", evidence, &maker)
        }
        if let free = report.freeInodesPercent {
            let evidence = ["used": (100 - free).short]
            raise(100 - free, number: "03", what: "the inode table of \(report.path)", evidence, &maker)
        }
        return maker.issues
    }

    package static func subject(of path: String) -> String {
        let name = path.split(separator: "/").joined(separator: "-")
        return name.isEmpty ? "root" : name.asSubject
    }

    /// A file system that the kernel has shut can still look writable in the list of mounts, so its own count
    /// of errors and a real write decide.
    private static func raiseErrors(_ report: FileSystemReport, _ maker: inout IssueMaker) {
        let errors = report.errors ?? 0
        guard errors > 0 || report.takesWrites == false else { return }
        maker.raise(
            "E-FS-01",
            "data disk refuses writes; do not power-cycle",
            ["errors": report.errors.map(String.init), "takesWrites": report.takesWrites.map(String.init)],
            [
                "Leave the box on.", "Make a support bundle.",
                "Call support: the file system has to be checked.",
            ]
        )
    }

    private static func raise(
        _ used: Double,
        number: String,
        what: String,
        _ evidence: [String: String?],
        _ maker: inout IssueMaker
    ) {
        let codes = (warning: "W-FS-\(number)", critical: "E-FS-\(number)")
        let before = maker.severityBefore(warning: codes.warning, critical: codes.critical)
        let advice = ["Find what fills it: the spool, logs or bundles.", "Delete what is not needed."]
        switch usage.severity(used, before: before) {
        case .critical: maker.raise(codes.critical, "\(what) is almost full", evidence, advice)
        case .warning: maker.raise(codes.warning, "\(what) fills up", evidence, advice)
        case .info, nil: break
        }
    }
}
