// Keys: TLS and authorisation.
#include "config/keys/columns.h"

namespace config::keys {
namespace {

constexpr Key kKeys[] = {
    {"authorizer.class.name", kString, "", kAny, kReadOnly, kRefused,
     "Class that authorises requests; empty: everybody may do everything."},
    {"principal.builder.class", kClass,
     "org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder", kAny,
     kPerBroker, kRefused,
     "Java class that names who is connected; only the default can run here."},
    {"connections.max.reauth.ms", kLong, "0", kAny, kReadOnly, kPending,
     "Time after which a SASL client must authenticate again; 0: never."},
    {"security.providers", kString, kNull, kAny, kReadOnly, kNoEffect,
     "Java security providers; no meaning here."},
    {"ssl.allow.dn.changes", kBool, "false", kAny, kReadOnly, kNoEffect,
     "Whether a reloaded certificate may have another subject name."},
    {"ssl.allow.san.changes", kBool, "false", kAny, kReadOnly, kNoEffect,
     "Whether a reloaded certificate may have other alternative names."},
    {"ssl.cipher.suites", kList, "", kAny, kPerBroker, kNoEffect,
     "Ciphers allowed on TLS listeners; empty: the library's."},
    {"ssl.client.auth", kString, "none", one_of("required, requested, none"), kPerBroker, kNoEffect,
     "Whether TLS clients must, may or need not show a certificate."},
    {"ssl.enabled.protocols", kList, "TLSv1.2,TLSv1.3", kAny, kPerBroker, kNoEffect,
     "TLS versions allowed."},
    {"ssl.endpoint.identification.algorithm", kString, "https", kAny, kPerBroker, kNoEffect,
     "Whether a broker's host name must match its certificate (https, or empty for no)."},
    {"ssl.engine.factory.class", kClass, kNull, kAny, kPerBroker, kRefused,
     "Java class that creates TLS engines; cannot run here."},
    {"ssl.key.password", kPassword, kNull, kAny, kPerBroker, kNoEffect,
     "Password of the private key."},
    {"ssl.keymanager.algorithm", kString, "SunX509", kAny, kPerBroker, kNoEffect,
     "Java key manager; no meaning here."},
    {"ssl.keystore.certificate.chain", kPassword, kNull, kAny, kPerBroker, kNoEffect,
     "Certificate chain as PEM text."},
    {"ssl.keystore.key", kPassword, kNull, kAny, kPerBroker, kNoEffect, "Private key as PEM text."},
    {"ssl.keystore.location", kString, kNull, kAny, kPerBroker, kNoEffect,
     "File with the broker's key and certificate."},
    {"ssl.keystore.password", kPassword, kNull, kAny, kPerBroker, kNoEffect,
     "Password of that file."},
    {"ssl.keystore.type", kString, "JKS", kAny, kPerBroker, kNoEffect,
     "Format of that file: JKS, PKCS12 or PEM."},
    {"ssl.principal.mapping.rules", kString, "DEFAULT", kAny, kReadOnly, kNoEffect,
     "Rules that turn a certificate's subject into a user name."},
    {"ssl.protocol", kString, "TLSv1.3", kAny, kPerBroker, kNoEffect, "TLS version preferred."},
    {"ssl.provider", kString, kNull, kAny, kPerBroker, kNoEffect,
     "Java TLS provider; no meaning here."},
    {"ssl.secure.random.implementation", kString, kNull, kAny, kPerBroker, kNoEffect,
     "Java random source; no meaning here."},
    {"ssl.trustmanager.algorithm", kString, "PKIX", kAny, kPerBroker, kNoEffect,
     "Java trust manager; no meaning here."},
    {"ssl.truststore.certificates", kPassword, kNull, kAny, kPerBroker, kNoEffect,
     "Trusted certificates as PEM text."},
    {"ssl.truststore.location", kString, kNull, kAny, kPerBroker, kNoEffect,
     "File with the trusted certificates."},
    {"ssl.truststore.password", kPassword, kNull, kAny, kPerBroker, kNoEffect,
     "Password of that file."},
    {"ssl.truststore.type", kString, "JKS", kAny, kPerBroker, kNoEffect,
     "Format of that file: JKS, PKCS12 or PEM."},
};

}  // namespace

std::span<const Key> security_keys() { return kKeys; }

}  // namespace config::keys
