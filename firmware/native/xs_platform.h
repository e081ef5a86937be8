/*
 * xs_platform.h: what the XS engine wants to know about where it runs. Included by the engine's own
 * xsPlatform.h for every file of the engine, on Linux and on bare Cortex-M, in the firmware and in the
 * bytecode compiler.
 */
#ifndef OBSCURA_XS_PLATFORM_H
#define OBSCURA_XS_PLATFORM_H

#include <ctype.h>
#include <errno.h>
#include <float.h>
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#undef mxLittleEndian
#define mxLittleEndian 1

#if defined(__linux__)
#undef mxLinux
#define mxLinux 1
#include <arpa/inet.h>
#include <pthread.h>
#include <unistd.h>
#else
#define C_PATH_MAX 128
#endif

#define mxUseDefaultCStackLimit 0
#define mxUseDefaultMachinePlatform 1
#define mxUseDefaultBuildKeys 1
#define mxUseDefaultSharedChunks 1
#ifdef mxParse
#define mxUseDefaultParseScript 1
#endif

#define mxExport extern
#define mxImport extern
#define XS_FUNCTION_NORETURN __attribute__((noreturn))

/* Strings are CESU-8 on tool and target alike: bytecode holds them as the engine wants them in memory. */
#define mxCESU8 1

/* The waiter fields are the engine's; the first one says that promise jobs are pending. */
#define mxMachinePlatform                                                                                    \
    int promiseJobsPending;                                                                                  \
    void *waiterCondition;                                                                                   \
    void *waiterData;                                                                                        \
    void *waiterLink;

#endif
