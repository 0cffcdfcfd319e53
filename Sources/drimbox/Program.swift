// SPDX-License-Identifier: Apache-2.0
import Admin
import Linux
import drimbox_gateway
import drimbox_netgen
import drimbox_probe
import drimbox_shell
import drimbox_update
import drimboxctl
import drimboxd

/// The programs of the box are one file, and the name that it is started by says which one it is: each would have its own copy
/// of Swift's runtime and of the packages. What decodes images is another file: it has libraries that nobody else needs.
@main
enum Program: String, CaseIterable {
    case supervisor = "drimboxd"
    case gateway = "drimbox-gateway"
    case probe = "drimbox-probe"
    case update = "drimbox-update"
    case netgen = "drimbox-netgen"
    case shell = "drimbox-shell"
    case control = "drimboxctl"
    /// As a login program is called: with a hyphen before it.
    case console = "drimbox-console"

    static func main() async {
        let name = CommandLine.arguments.first?.split(separator: "/").last.map(String.init) ?? ""
        switch Program(rawValue: name) ?? Program(rawValue: String(name.drop { $0 == "-" })) {
        case .supervisor: await drimboxd.run()
        case .gateway: await drimbox_gateway.run()
        case .probe: await drimbox_probe.run()
        case .update: await drimbox_update.run()
        case .netgen: await drimbox_netgen.run()
        case .shell: await drimbox_shell.run()
        case .control, .console: await drimboxctl.run()
        case nil:
            let names = allCases.map(\.rawValue).joined(separator: ", ")
            StandardError.print(
                "drimbox \(Software.version): found \"\(name)\", expected to be started as one of \(names)"
            )
            OwnProcess.end(status: 64)
        }
    }
}
