# SPDX-License-Identifier: Apache-2.0
"""A test certificate authority shaped like IGC-Sante: a root, an authority for organizations, and what it issues.

    ca.pem               root and issuing authority (trust anchors of clients and servers), ca.crl.pem its CRL
    server.pem/.key      the stand-in's TLS server; the .pem holds leaf and issuing authority
    auth-cli.pem/.key    ORG AUTH_CLI of the structure (TLS client), OU = identifier of the structure
    sign.pem/.key        ORG SIGN of the structure (VIHF, submission set)
    NAME-ID.pem/.key     the same of further structures
    *-expired, *-foreign with --bad: an expired certificate, and one of another authority
"""
import datetime
import pathlib
import subprocess

CONFIGURATION = """
[ca]
default_ca = lab
[lab]
dir = {directory}
database = $dir/index.txt
serial = $dir/serial
crlnumber = $dir/crlnumber
new_certs_dir = $dir/issued
certificate = $dir/{authority}.pem
private_key = $dir/{authority}.key
default_md = sha256
default_days = 1095
default_crl_days = 30
policy = anything
unique_subject = no
copy_extensions = none
utf8 = yes
string_mask = utf8only
[anything]
countryName = optional
stateOrProvinceName = optional
organizationName = optional
organizationalUnitName = optional
commonName = supplied
[req]
distinguished_name = name
utf8 = yes
string_mask = utf8only
prompt = no
[name]
CN = unused
[authority]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[auth_cli]
basicConstraints = CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[sign]
basicConstraints = CA:false
keyUsage = critical, digitalSignature, nonRepudiation
extendedKeyUsage = emailProtection
certificatePolicies = 1.2.250.1.213.1.7.2.1.1.1.1
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[server]
basicConstraints = CA:false
keyUsage = critical, digitalSignature, keyEncipherment
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = {names}
"""


class Authority:
    def __init__(self, directory, hosts=("localhost", "127.0.0.1", "::1")):
        self.directory = pathlib.Path(directory)
        self.names = ",".join(("IP:" if ":" in h or h.replace(".", "").isdigit() else "DNS:") + h for h in hosts)

    def openssl(self, *arguments):
        done = subprocess.run(["openssl", *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError("openssl %s: %s" % (arguments[0], done.stderr.strip()))
        return done.stdout

    def _work(self, authority="issuing"):
        """The issuing authority's files, made ready; the path of its configuration."""
        work = self.directory / "authority"
        (work / "issued").mkdir(parents=True, exist_ok=True)
        for name, content in (("index.txt", ""), ("serial", "1000\n"), ("crlnumber", "01\n")):
            if not (work / name).exists():
                (work / name).write_text(content)
        path = work / "openssl.cnf"
        path.write_text(CONFIGURATION.format(directory=work, authority=authority, names=self.names))
        return path

    def _key(self, path):
        self.openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", path)
        path.chmod(0o600)

    def make(self):
        configuration, work = self._work(), self.directory / "authority"
        subjects = {"root": "/C=FR/O=LAB/OU=0002 187512751/CN=TEST AC RACINE LAB ELEMENTAIRE",
                    "issuing": "/C=FR/O=LAB/OU=0002 187512751/CN=TEST AC LAB ELEMENTAIRE ORGANISATIONS"}
        for name, subject in subjects.items():
            self._key(work / (name + ".key"))
            self.openssl("req", "-new", "-utf8", "-config", configuration, "-key", work / (name + ".key"),
                         "-subj", subject, "-out", work / (name + ".csr"))
            signer = (["-signkey", work / "root.key"] if name == "root" else
                      ["-CA", work / "root.pem", "-CAkey", work / "root.key", "-CAcreateserial"])
            self.openssl("x509", "-req", "-sha256", "-days", "3650", "-in", work / (name + ".csr"), *signer,
                         "-extfile", configuration, "-extensions", "authority", "-out", work / (name + ".pem"))
        (self.directory / "ca.pem").write_text("".join((work / (n + ".pem")).read_text() for n in subjects))
        self.crl()

    def issue(self, name, kind, subject, validity=None):
        """name.pem (leaf and issuing authority) and name.key. `validity`: start and end, days from now."""
        configuration, work = self._work(), self.directory / "authority"
        key, leaf = self.directory / (name + ".key"), self.directory / (name + ".pem")
        self._key(key)
        self.openssl("req", "-new", "-utf8", "-config", configuration, "-key", key, "-subj", subject,
                     "-out", work / "request.csr")
        days = []
        if validity:
            now = datetime.datetime.now(datetime.timezone.utc)
            for option, offset in zip(("-startdate", "-enddate"), validity):
                days += [option, (now + datetime.timedelta(days=offset)).strftime("%Y%m%d%H%M%SZ")]
        self.openssl("ca", "-batch", "-notext", "-config", configuration, "-extensions", kind, *days,
                     "-in", work / "request.csr", "-out", leaf)
        leaf.write_text(leaf.read_text() + (work / "issuing.pem").read_text())

    def structure(self, identifier, name, suffix="", validity=None):
        """ORG AUTH_CLI and ORG SIGN of a structure."""
        for kind, file in (("auth_cli", "auth-cli"), ("sign", "sign")):
            subject = "/C=FR/ST=Paris (75)/O=%s/OU=%s/CN=DRIMbox" % (name.replace("/", "\\/"), identifier)
            self.issue(file + suffix, kind, subject, validity)

    def server(self):
        self.issue("server", "server", "/C=FR/ST=Paris (75)/O=LAB/OU=318751275100020/CN=dmp.lab")

    def crl(self):
        self.openssl("ca", "-gencrl", "-config", self._work(), "-out", self.directory / "ca.crl.pem")

    def revoke(self, name):
        """Puts name.pem on the CRL, which is written anew."""
        self.openssl("ca", "-config", self._work(), "-revoke", self.directory / (name + ".pem"))
        self.crl()


def make(directory, structures, hosts, bad=False):
    """All certificates of the module's list; `structures` are (identifier, name), the first is the main one."""
    authority = Authority(directory, hosts)
    authority.make()
    authority.server()
    for number, (identifier, name) in enumerate(structures):
        authority.structure(identifier, name, "" if number == 0 else "-" + identifier)
    if bad:
        authority.structure(*structures[0], suffix="-expired", validity=(-30, -1))
        foreign = Authority(authority.directory / "foreign", hosts)
        foreign.make()
        foreign.structure(*structures[0])
        for path in ("auth-cli", "sign"):
            for extension in (".pem", ".key"):
                (foreign.directory / (path + extension)).rename(
                    authority.directory / (path + "-foreign" + extension))
