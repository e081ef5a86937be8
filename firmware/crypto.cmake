# AES-128, P-256 and SHA-256 of Mbed TLS and Ed25519 of Monocypher, whose sources set-up puts into build/crypto
# (docs/decisions/0005-cryptography.md).
#
#   obscura_add_crypto(TARGET [AES] [P256] [SHA256] [ASN1] [ED25519])

get_filename_component(OBSCURA_ROOT "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)
set(CRYPTO_ROOT "${OBSCURA_ROOT}/build/crypto" CACHE PATH "Sources of cryptography")

if(NOT EXISTS "${CRYPTO_ROOT}/library/aes.c")
  message(FATAL_ERROR
    "The sources of cryptography are not at ${CRYPTO_ROOT}: `node tools/run.mjs size` or any build fetches them.")
endif()

function(obscura_add_crypto TARGET)
  set(AES "${CRYPTO_ROOT}/library/aes.c")
  set(P256 "${CRYPTO_ROOT}/3rdparty/p256-m/p256-m/p256-m.c")
  set(SHA256 "${CRYPTO_ROOT}/library/sha256.c")
  set(ASN1 "${CRYPTO_ROOT}/library/asn1parse.c")
  set(ED25519 "${CRYPTO_ROOT}/monocypher/monocypher.c" "${CRYPTO_ROOT}/monocypher/optional/monocypher-ed25519.c")
  set(SOURCES "${CRYPTO_ROOT}/library/platform_util.c")
  foreach(PART ${ARGN})
    list(APPEND SOURCES "${${PART}}")
  endforeach()
  target_sources(${TARGET} PRIVATE ${SOURCES})
  # Not ours to mend: no warnings.
  set_source_files_properties(${SOURCES} PROPERTIES COMPILE_OPTIONS -w)
  # Whatever the firmware is compiled for: a pairing waits for two products on the curve, of 8 million instructions with -Os.
  set_source_files_properties("${AES}" "${P256}" PROPERTIES COMPILE_OPTIONS "-w;-O3")
  target_include_directories(${TARGET} SYSTEM PRIVATE
    "${CRYPTO_ROOT}/include" "${CRYPTO_ROOT}/library" "${CRYPTO_ROOT}/3rdparty/p256-m/p256-m"
    "${CRYPTO_ROOT}/monocypher" "${CRYPTO_ROOT}/monocypher/optional")
  target_include_directories(${TARGET} PRIVATE "${OBSCURA_ROOT}/firmware/native/crypto")
  target_compile_definitions(${TARGET} PRIVATE "MBEDTLS_CONFIG_FILE=\"obscura_crypto_config.h\"")
endfunction()
