/*
 * natives_absent.h: natives of features that this image is without (WITHOUT of CMakeLists.txt). Their names
 * stay in the table, for it is the interface that bundles are made for; nothing calls them, and the linker
 * leaves out what they need.
 */
#include "runtime.h"

void native_absent(txMachine *the); /* natives.c */

#ifdef WITHOUT_SECURITY
#define native_p256PublicKey native_absent
#define native_p256SharedSecret native_absent
#endif

#ifdef WITHOUT_POWER
#define native_powerFigures native_absent
#define native_powerRtcNow native_absent
#define native_powerRetained native_absent
#define native_powerRetain native_absent
#define native_powerDeepSleep native_absent
#define native_powerBattery native_absent
#endif

#ifdef WITHOUT_UPDATE
#define native_flashBeginProgram native_absent
#define native_flashBeginErase native_absent
#define native_updateState native_absent
#define native_updateImage native_absent
#define native_updateTouch native_absent
#define native_updateVerifyBegin native_absent
#define native_updateVerifyStep native_absent
#define native_updateVerified native_absent
#define native_updateMark native_absent
#define native_updateUnmark native_absent
#define native_updateConfirm native_absent
#define native_updateReached native_absent
#define native_updatePaired native_absent
#endif

/* The lines of a controller are for its driver: this is the one that there is. */
#ifdef WITHOUT_CYW43
#define native_radioPower native_absent
#define native_radioWake native_absent
#define native_radioReady native_absent
#define native_radioWatchReady native_absent
#define native_radioBaudRate native_absent
#define native_radioHostWake native_absent
#define native_radioWatchHostWake native_absent
#define native_radioSuspend native_absent
#define native_radioPatch native_absent
#define native_radioPatchU32 native_absent
#define native_radioSendPatch native_absent
#endif
