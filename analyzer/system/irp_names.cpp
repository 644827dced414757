// Function codes of wdm.h and ntifs.h.
#include <array>
#include <iterator>
#include <string_view>

#include "system/irps.h"

namespace dumptriage::system {
namespace {

constexpr std::array<std::string_view, 28> kMajor = {"CREATE",
                                                     "CREATE_NAMED_PIPE",
                                                     "CLOSE",
                                                     "READ",
                                                     "WRITE",
                                                     "QUERY_INFORMATION",
                                                     "SET_INFORMATION",
                                                     "QUERY_EA",
                                                     "SET_EA",
                                                     "FLUSH_BUFFERS",
                                                     "QUERY_VOLUME_INFORMATION",
                                                     "SET_VOLUME_INFORMATION",
                                                     "DIRECTORY_CONTROL",
                                                     "FILE_SYSTEM_CONTROL",
                                                     "DEVICE_CONTROL",
                                                     "INTERNAL_DEVICE_CONTROL",
                                                     "SHUTDOWN",
                                                     "LOCK_CONTROL",
                                                     "CLEANUP",
                                                     "CREATE_MAILSLOT",
                                                     "QUERY_SECURITY",
                                                     "SET_SECURITY",
                                                     "POWER",
                                                     "SYSTEM_CONTROL",
                                                     "DEVICE_CHANGE",
                                                     "QUERY_QUOTA",
                                                     "SET_QUOTA",
                                                     "PNP"};

constexpr std::string_view kPnp[] = {"START_DEVICE",
                                     "QUERY_REMOVE_DEVICE",
                                     "REMOVE_DEVICE",
                                     "CANCEL_REMOVE_DEVICE",
                                     "STOP_DEVICE",
                                     "QUERY_STOP_DEVICE",
                                     "CANCEL_STOP_DEVICE",
                                     "QUERY_DEVICE_RELATIONS",
                                     "QUERY_INTERFACE",
                                     "QUERY_CAPABILITIES",
                                     "QUERY_RESOURCES",
                                     "QUERY_RESOURCE_REQUIREMENTS",
                                     "QUERY_DEVICE_TEXT",
                                     "FILTER_RESOURCE_REQUIREMENTS",
                                     "",
                                     "READ_CONFIG",
                                     "WRITE_CONFIG",
                                     "EJECT",
                                     "SET_LOCK",
                                     "QUERY_ID",
                                     "QUERY_PNP_DEVICE_STATE",
                                     "QUERY_BUS_INFORMATION",
                                     "DEVICE_USAGE_NOTIFICATION",
                                     "SURPRISE_REMOVAL"};
constexpr std::string_view kPower[] = {"WAIT_WAKE", "POWER_SEQUENCE", "SET_POWER", "QUERY_POWER"};
constexpr std::string_view kDirectory[] = {"", "QUERY_DIRECTORY", "NOTIFY_CHANGE_DIRECTORY"};
constexpr std::string_view kFileSystem[] = {"USER_FS_REQUEST", "MOUNT_VOLUME", "VERIFY_VOLUME",
                                            "LOAD_FILE_SYSTEM", "KERNEL_CALL"};
constexpr std::string_view kLock[] = {"", "LOCK", "UNLOCK_SINGLE", "UNLOCK_ALL",
                                      "UNLOCK_ALL_BY_KEY"};

template <std::size_t N> std::string named(const std::string_view (&names)[N], std::uint8_t minor) {
  if (minor >= N || names[minor].empty()) return "";
  return "IRP_MN_" + std::string(names[minor]);
}

} // namespace

std::string major_function_name(std::uint8_t major) {
  return major < kMajor.size() ? "IRP_MJ_" + std::string(kMajor[major]) : "";
}

std::string minor_function_name(std::uint8_t major, std::uint8_t minor) {
  switch (major) {
  case 0x0C: return named(kDirectory, minor);
  case 0x0D: return named(kFileSystem, minor);
  case 0x11: return named(kLock, minor);
  case 0x16: return named(kPower, minor);
  case 0x1B: return named(kPnp, minor);
  default: return "";
  }
}

} // namespace dumptriage::system
