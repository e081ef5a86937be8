/*
 * native_table.h: the functions that the C side hands to `main`, as NATIVE(name, number of arguments).
 * firmware/platform/xs/native.ts says what each of them means. The table is the native interface: its digest
 * is stamped on every bundle, so a change here makes old bundles refuse to load.
 */
#define NATIVE_TABLE(NATIVE)                                                                                 \
    NATIVE(clockNow, 0)                                                                                      \
    NATIVE(timerSet, 2)                                                                                      \
    NATIVE(timerClear, 1)                                                                                    \
    NATIVE(hciOpen, 5)                                                                                       \
    NATIVE(hciWrite, 5)                                                                                      \
    NATIVE(hciGather, 6)                                                                                     \
    NATIVE(hciClose, 0)                                                                                      \
    NATIVE(radioLines, 0)                                                                                    \
    NATIVE(radioPower, 1)                                                                                    \
    NATIVE(radioWake, 1)                                                                                     \
    NATIVE(radioReady, 0)                                                                                    \
    NATIVE(radioWatchReady, 1)                                                                               \
    NATIVE(radioBaudRate, 1)                                                                                 \
    NATIVE(radioHostWake, 0)                                                                                 \
    NATIVE(radioWatchHostWake, 1)                                                                            \
    NATIVE(radioSuspend, 1)                                                                                  \
    NATIVE(radioPatch, 2)                                                                                    \
    NATIVE(radioPatchU32, 1)                                                                                 \
    NATIVE(radioSendPatch, 1)                                                                                \
    NATIVE(copyBytes, 5)                                                                                     \
    NATIVE(powerFigures, 0)                                                                                  \
    NATIVE(powerRtcNow, 0)                                                                                   \
    NATIVE(powerRetained, 0)                                                                                 \
    NATIVE(powerRetain, 1)                                                                                   \
    NATIVE(powerDeepSleep, 2)                                                                                \
    NATIVE(powerBattery, 0)                                                                                  \
    NATIVE(random, 1)                                                                                        \
    NATIVE(uniqueId, 0)                                                                                      \
    NATIVE(aes128, 2)                                                                                        \
    NATIVE(aesCmac, 2)                                                                                       \
    NATIVE(isSameSecret, 2)                                                                                  \
    NATIVE(p256PublicKey, 1)                                                                                 \
    NATIVE(p256SharedSecret, 2)                                                                              \
    NATIVE(flashGeometry, 1)                                                                                 \
    NATIVE(flashRead, 3)                                                                                     \
    NATIVE(flashProgram, 3)                                                                                  \
    NATIVE(flashErase, 3)                                                                                    \
    NATIVE(flashSync, 1)                                                                                     \
    NATIVE(flashBeginProgram, 4)                                                                             \
    NATIVE(flashBeginErase, 4)                                                                               \
    NATIVE(updateState, 0)                                                                                   \
    NATIVE(updateImage, 1)                                                                                   \
    NATIVE(updateTouch, 0)                                                                                   \
    NATIVE(updateVerifyBegin, 0)                                                                             \
    NATIVE(updateVerifyStep, 0)                                                                              \
    NATIVE(updateVerified, 0)                                                                                \
    NATIVE(updateMark, 1)                                                                                    \
    NATIVE(updateUnmark, 0)                                                                                  \
    NATIVE(updateConfirm, 0)                                                                                 \
    NATIVE(updateReached, 0)                                                                                 \
    NATIVE(updatePaired, 0)                                                                                  \
    NATIVE(sensorRead, 1)                                                                                    \
    NATIVE(consoleWrite, 2)                                                                                  \
    NATIVE(resetCause, 0)                                                                                    \
    NATIVE(reset, 0)                                                                                         \
    NATIVE(controllerFailed, 0)                                                                              \
    NATIVE(exit, 1)                                                                                          \
    NATIVE(collect, 0)                                                                                       \
    NATIVE(heap, 0)                                                                                          \
    NATIVE(applicationStart, 3)                                                                              \
    NATIVE(thrownAt, 1)
