"""Makes this pod's certificate for Ray's TLS: signed by the CA of the secret, for the pod's address and the services of its namespace."""

import datetime
import ipaddress
import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

ca, out = Path(os.environ["CA"]), Path(os.environ["OUT"])
address, namespace = os.environ["POD_IP"], os.environ["NAMESPACE"]
os.umask(0o077)
authority = x509.load_pem_x509_certificate((ca / "tls.crt").read_bytes())
signing = serialization.load_pem_private_key((ca / "tls.key").read_bytes(), None)
key = ec.generate_private_key(ec.SECP256R1())
now = datetime.datetime.now(datetime.UTC)
names = [x509.IPAddress(ipaddress.ip_address(each)) for each in dict.fromkeys([address, "127.0.0.1"])]
names += [x509.DNSName(each) for each in ("localhost", f"*.{namespace}.svc", f"*.{namespace}.svc.cluster.local")]
certificate = (
    x509.CertificateBuilder()
    .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ray")]))
    .issuer_name(authority.subject)
    .public_key(key.public_key())
    .serial_number(x509.random_serial_number())
    .not_valid_before(now - datetime.timedelta(minutes=5))
    .not_valid_after(min(now + datetime.timedelta(days=90), authority.not_valid_after_utc))
    .add_extension(x509.SubjectAlternativeName(names), critical=False)
    .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    .sign(signing, hashes.SHA256())
)
(out / "tls.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
(out / "tls.key").write_bytes(
    key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
)
(out / "ca.crt").write_bytes(authority.public_bytes(serialization.Encoding.PEM))
