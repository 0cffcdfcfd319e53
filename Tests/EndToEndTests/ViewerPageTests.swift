// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

extension EndToEnd {
    @Suite(
        "Viewer: pictures, tools and a reader's ways, in a browser",
        .enabled(
            if: ConsumerUnderTest.hasBrowser && Bench.has("dcm2pnm") && Bench.has("node"),
            "needs the release build, .build/python, chromium, chromium-driver, dcmtk and nodejs"
        )
    )
    struct ViewerPageTests {
        @Test(
            "drawn as DCMTK and numpy have it, measured as numpy has it, with the keyboard alone, nothing foreign"
        )
        func checks() throws {
            let result = try run(Bench.python, [Bench.support.appending(path: "viewer_checks.py").path])
            #expect(result.status == 0, "\(result.output.suffix(4000)) \(result.errors.suffix(2000))")
        }
    }
}
