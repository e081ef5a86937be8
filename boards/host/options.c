#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"

static const char usage[] =
    "usage: firmware [--hci tcp:HOST:PORT|unix:PATH] [--app FILE.bin] [--state FILE] [--id HEX]\n"
    "                [--radio-lines tcp:HOST:PORT|unix:PATH [--radio-patch FILE] [--public-address HEX]]\n"
    "                [--watchdog-ms N] [--max-resets N] [--growth BYTES] [--flash-ms N] [--battery-mv N]\n"
    "                [--trial-ms N] [--window-ms N] [--power-on-ms N] [--cut-at N]\n"
    "\n"
    "  --hci          the controller's H4 socket; without it the board has no HCI UART\n"
    "  --app          the signed bundle of an application\n"
    "  --state        the file that is the flash; made when missing. Without it the flash is forgotten when\n"
    "                 the process ends (it survives resets)\n"
    "  --id           the device's unique identifier, 16 hexadecimal digits (default 0000000000000001)\n"
    "  --radio-lines  supply, wake and flow control of a modelled CYW43 controller; without it the "
    "controller\n"
    "                 is always on\n"
    "  --radio-patch  its patch, an HCD file\n"
    "  --public-address\n"
    "                 what was assigned to the device, 12 hexadecimal digits (default none)\n"
    "  --watchdog-ms  period of the watchdog, instead of the firmware's own\n"
    "  --max-resets   after this many resets, end with status 3 instead of the next one\n"
    "  --growth       bytes that the heap may grow by, if fewer than the board's; 0 keeps it at its floor\n"
    "  --flash-ms     how long an operation of flash in the background takes (default 0)\n"
    "  --trial-ms     how long the trial of a new bundle waits for its confirmation (default 300000)\n"
    "  --window-ms    how long after a start deep sleep is put off (default 300000, 60000 after a failure)\n"
    "  --power-on-ms  for less than how long a start must last to be in a row with the next (default "
    "10000);\n"
    "                 0 counts none\n"
    "  --cut-at       the supply goes in the middle of this operation of flash, counted from 1: status 4\n"
    "  --battery-mv   what the battery has, in millivolts; without it there is none to measure\n"
    "\n"
    "Deep sleep is ended by SIGUSR1, the button, and by SIGUSR2, motion.\n"
    "The console is standard error. The firmware decides when the process ends, and its status.\n";

static struct host_options options = {
    .id = {0, 0, 0, 0, 0, 0, 0, 1}, .resets_max = -1, .growth = -1, .window_ms = -1, .power_on_ms = -1};

const struct host_options *host_options(void) {
    return &options;
}

void host_fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("firmware: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static void misuse(const char *option, const char *why) {
    fprintf(stderr, "firmware: %s: %s (--help)\n", option, why);
    exit(2);
}

static long number(const char *option, const char *text, long minimum, long maximum) {
    char *end;
    long value = strtol(text, &end, 10);
    if (*text == 0 || *end != 0 || value < minimum || value > maximum) {
        char why[80];
        snprintf(why, sizeof why, "not a number from %ld to %ld", minimum, maximum);
        misuse(option, why);
    }
    return value;
}

static const char *socket_address(const char *option, const char *text) {
    if (strncmp(text, "tcp:", 4) != 0 && strncmp(text, "unix:", 5) != 0)
        misuse(option, "neither tcp:HOST:PORT nor unix:PATH");
    if (text[0] == 't' && !strchr(text + 4, ':'))
        misuse(option, "the port is missing");
    return text;
}

static void read_bytes(const char *option, const char *text, uint8_t *bytes, size_t length) {
    if (strlen(text) != 2 * length || strspn(text, "0123456789abcdefABCDEF") != 2 * length) {
        char why[40];
        snprintf(why, sizeof why, "not %zu hexadecimal digits", 2 * length);
        misuse(option, why);
    }
    for (size_t i = 0; i < length; i++) {
        const char digits[] = {text[2 * i], text[2 * i + 1], 0};
        bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
}

const struct host_options *options_read(int argc, char **argv) {
    static const struct option names[] = {
        {"hci", required_argument, NULL, 'h'},
        {"app", required_argument, NULL, 'a'},
        {"state", required_argument, NULL, 's'},
        {"radio-lines", required_argument, NULL, 'l'},
        {"radio-patch", required_argument, NULL, 'p'},
        {"id", required_argument, NULL, 'i'},
        {"public-address", required_argument, NULL, 'A'},
        {"watchdog-ms", required_argument, NULL, 'w'},
        {"max-resets", required_argument, NULL, 'r'},
        {"growth", required_argument, NULL, 'g'},
        {"flash-ms", required_argument, NULL, 'f'},
        {"window-ms", required_argument, NULL, 'W'},
        {"battery-mv", required_argument, NULL, 'b'},
        {"trial-ms", required_argument, NULL, 't'},
        {"cut-at", required_argument, NULL, 'c'},
        {"power-on-ms", required_argument, NULL, 'P'},
        {"help", no_argument, NULL, '?' + 256},
        {NULL, 0, NULL, 0},
    };
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, ":", names, NULL)) != -1;) {
        switch (option) {
        case 'h':
            options.hci = socket_address("--hci", optarg);
            break;
        case 'l':
            options.radio_lines = socket_address("--radio-lines", optarg);
            break;
        case 'p':
            options.radio_patch = optarg;
            break;
        case 'a':
            options.application = optarg;
            break;
        case 's':
            options.state = optarg;
            break;
        case 'i':
            read_bytes("--id", optarg, options.id, sizeof options.id);
            break;
        case 'A':
            read_bytes("--public-address", optarg, options.public_address, sizeof options.public_address);
            options.has_public_address = true;
            break;
        case 'w':
            options.watchdog_ms = (uint32_t)number("--watchdog-ms", optarg, 10, 3600000);
            break;
        case 'r':
            options.resets_max = number("--max-resets", optarg, 0, 1000000);
            break;
        case 'c':
            options.cut_at = (uint32_t)number("--cut-at", optarg, 1, 1000000);
            break;
        case 'W':
            options.window_ms = number("--window-ms", optarg, 0, 3600000);
            break;
        case 'P':
            options.power_on_ms = number("--power-on-ms", optarg, 0, 3600000);
            break;
        case 't':
            options.trial_ms = (uint32_t)number("--trial-ms", optarg, 1, 3600000);
            break;
        case 'g':
            options.growth = number("--growth", optarg, 0, INT32_MAX);
            break;
        case 'f':
            options.flash_ms = (uint32_t)number("--flash-ms", optarg, 0, 3600000);
            break;
        case 'b':
            options.battery_mv = (uint32_t)number("--battery-mv", optarg, 1, 100000);
            break;
        case '?' + 256:
            fputs(usage, stdout);
            exit(0);
        case ':':
            misuse(argv[optind - 1], "the value is missing");
            break;
        default:
            misuse(argv[optind - 1], "no such option");
        }
    }
    if (optind < argc)
        misuse(argv[optind], "no such option");
    return &options;
}
