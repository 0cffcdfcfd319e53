// SPDX-License-Identifier: Apache-2.0
import Admin
import Testing

@testable import HostNetwork

@Suite("arping's answer") struct ArpingTests {
    @Test("the hardware address of who replied, in lower case") func reply() {
        let output = """
            ARPING 10.10.0.5 from 0.0.0.0 care0
            Unicast reply from 10.10.0.5 [9A:3C:36:11:56:75]  0.612ms
            Sent 1 probes (1 broadcast(s))
            Received 1 response(s)
            """
        #expect(Arping.owner(in: output) == "9a:3c:36:11:56:75")
    }

    @Test(
        "what is no reply names nobody",
        arguments: [
            "",
            "ARPING 10.10.0.5 from 0.0.0.0 care0\nSent 2 probes (2 broadcast(s))\nReceived 0 response(s)\n",
            "arping: Interface \"care0\" is down", "Unicast reply from 10.10.0.5 [9A:3C:36:11:56]  0.6ms",
            "Unicast reply from 10.10.0.5 [9A:3C:36:11:56:ZZ]  0.6ms", "Unicast reply from 10.10.0.5 [",
        ]
    )
    func noReply(output: String) {
        #expect(Arping.owner(in: output) == nil)
    }
}
