# SPDX-License-Identifier: Apache-2.0
"""What `network_lab` does with a port whose switch asks for IEEE 802.1X: hostapd and its own EAP server at the other end. Each
function measures and judges nothing."""
import os
import time

from network_scenarios import eventually, network, ready, run

HOSTAPD = """interface=sw0
driver=wired
logger_stdout=-1
logger_stdout_level=1
ieee8021x=1
use_pae_group_addr=1
eap_reauth_period=0
eap_server=1
eap_user_file={0}/users
ca_cert={0}/ca.pem
server_cert={0}/radius.pem
private_key={0}/radius.key
"""


def authority(directory, name):
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
        "-subj", f"/CN={name}", "-keyout", f"{directory}/{name}.key", "-out", f"{directory}/{name}.pem")


def certificate(directory, name, signer, purpose):
    """`NAME.pem` and `NAME.key`; the file's name as DNS name."""
    run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
        "-keyout", f"{directory}/{name}.key", "-out", f"{directory}/{name}.csr")
    with open(f"{directory}/extensions", "w") as file:
        file.write(f"extendedKeyUsage={purpose}\nsubjectAltName=DNS:{name}.example\n")
    run("openssl", "x509", "-req", "-in", f"{directory}/{name}.csr", "-CA", f"{directory}/{signer}.pem",
        "-CAkey", f"{directory}/{signer}.key", "-CAcreateserial", "-days", "2", "-extfile", f"{directory}/extensions",
        "-out", f"{directory}/{name}.pem")


# (u)
def authenticated_port(lab):
    """The right certificate, the wrong one, another server's name, none any more."""
    directory = lab.directory + "/8021x"
    os.mkdir(directory)
    authority(directory, "ca")
    authority(directory, "stranger")
    certificate(directory, "radius", "ca", "serverAuth")
    certificate(directory, "box", "ca", "clientAuth")
    certificate(directory, "wrong", "stranger", "clientAuth")
    with open(directory + "/users", "w") as file:
        file.write('"box-1@hospital.example" TLS\n* TLS\n')
    with open(directory + "/hostapd.conf", "w") as file:
        file.write(HOSTAPD.format(directory))
    ready(lab)
    lab.start("hostapd", ["nsenter", "-t", str(lab.peers.pid), "-n", "/usr/sbin/hostapd", directory + "/hostapd.conf"])
    eventually(lambda: "AP-ENABLED" in lab.text("hostapd"), what="hostapd")

    def with_port(name, server="radius.example"):
        document = network()
        document["interfaces"][0]["authentication"] = {
            "identity": "box-1@hospital.example", "authorities": directory + "/ca.pem", "server": server,
            "certificate": f"{directory}/{name}.pem", "privateKey": f"{directory}/{name}.key"}
        return lab.box(document)

    def link():
        return next(step for step in lab.tests() if step["target"] == "care0" and step["kind"] == "link")

    def issues():
        lab.call("POST", "/v1/health/check", b"")
        return [issue for issue in lab.call("GET", "/v1/issues")[1]["issues"] if "E-NET-04" in issue["code"]]

    def files():
        return [name for name in os.listdir("/run/drimbox/network") if name.startswith("8021x-")]

    start = time.monotonic()
    found = {"applied": lab.apply(with_port("box"))["state"]}
    eventually(lambda: link()["isOK"], 30, "the open port")
    found["seconds"] = round(time.monotonic() - start, 1)
    found["open"] = {"link": link(), "issues": issues(), "files": files(), "addresses": lab.addresses("care0")}
    found["switch"] = [line for line in lab.text("hostapd").splitlines() if "authorizing port" in line or "AP-STA-CONNECTED" in line]
    # What is tried with a wrong certificate goes back by itself: the link was good before.
    found["tried"] = lab.apply(with_port("wrong"), "auto", 30)
    eventually(lambda: link()["isOK"], 60, "the port that is open again")
    # Somebody insists.
    found["insisted"] = lab.apply(with_port("wrong"))["state"]
    eventually(lambda: not link()["isOK"], 30, "the shut port")
    time.sleep(3)
    found["shut"] = {"link": link(), "issues": issues(), "refused": "CTRL-EVENT-EAP-FAILURE" in lab.text("hostapd")}
    found["renamed"] = lab.apply(with_port("box", "other.example"))["state"]
    time.sleep(5)
    found["other_server"] = link()
    lab.apply(with_port("box"))
    eventually(lambda: link()["isOK"], 60, "the port that is open again")
    found["again"] = issues()
    found["removed"] = lab.apply(lab.box(network()))["state"]
    running = lambda: run("pgrep", "-r", "S,R,D", "-x", "wpa_supplicant", check=False).strip()
    eventually(lambda: not running(), 10, "the supplicant's end")
    found["after"] = {"link": link(), "files": files(), "supplicants": running()}
    # At the next boot the file is there before anybody asks.
    lab.apply(with_port("box"))
    lab.kill("drimboxd")
    os.unlink("/run/drimbox/network/8021x-care0.conf")
    found["netgen"] = lab.netgen()["status"], files()
    lab.start_drimboxd()
    refused = with_port("box")
    refused["network"]["interfaces"].append({"name": "care0.7", "vlan": {"parent": "care0", "id": 7},
                                             "authentication": refused["network"]["interfaces"][0]["authentication"]})
    found["vlan"] = lab.propose(refused)
    return found


SCENARIOS = {"authenticated-port": authenticated_port}
