#include "evidence/exceptions.h"

#include "formats/bugchecks.h"
#include "formats/ntstatus.h"

namespace dumptriage::evidence {

namespace {

struct Row {
  Platform platform;
  std::uint32_t code;
  ExceptionText text;
};

constexpr Row kRows[] = {
#define EXCEPTION(platform, code, name, meaning) {Platform::platform, code, {name, meaning}},
#include "evidence/exceptions.def"
#undef EXCEPTION
};

struct FastFail {
  std::uint64_t subcode;
  std::string_view name, meaning;
};

constexpr FastFail kFastFails[] = {
#define FAST_FAIL(subcode, name, meaning) {subcode, name, meaning},
#include "evidence/fast_fail.def"
#undef FAST_FAIL
};

const FastFail* find_fast_fail(std::uint64_t subcode) {
  for (const FastFail& row : kFastFails) {
    if (row.subcode == subcode) return &row;
  }
  return nullptr;
}

} // namespace

Platform platform_of(const system::Snapshot& snapshot) {
  if (snapshot.os.family == "linux") return Platform::linux_;
  if (snapshot.os.family == "macos") return Platform::macos;
  // Systems without a family of their own are told by their names.
  if (snapshot.os.name.starts_with("iOS")) return Platform::macos;
  if (snapshot.os.name.starts_with("Solaris")) return Platform::other;
  return Platform::windows;
}

std::optional<std::uint32_t> exception_code(const system::Snapshot& snapshot) {
  const system::Stop& stop = snapshot.stop;
  if (stop.kind == system::StopKind::exception) return stop.code;
  if (stop.kind != system::StopKind::bugcheck) return std::nullopt;
  if (stop.exception) return stop.exception->code;
  const formats::BugcheckInfo* info = formats::find_bugcheck(stop.code);
  for (std::size_t i = 0; info && i < 4 && i < stop.parameters.size(); ++i) {
    if (info->roles[i] == formats::ParameterRole::exception)
      return static_cast<std::uint32_t>(stop.parameters[i]);
  }
  return std::nullopt;
}

bool is_memory_fault(Platform platform, std::uint32_t code) {
  switch (platform) {
  case Platform::linux_: return code == 7 || code == 11; // SIGBUS, SIGSEGV
  case Platform::macos: return code == 1;                // EXC_BAD_ACCESS
  case Platform::other: return false;
  case Platform::windows: break;
  }
  switch (code) {
  case 0xC0000005: // access violation
  case 0xC0000006: // in-page error
  case 0x80000001: // guard page
  case 0xC00000FD: // stack overflow
    return true;
  default: return false;
  }
}

bool is_raised_by_software(Platform platform, std::uint32_t code) {
  if (platform != Platform::windows) return false;
  // Bit 29 marks codes that programs define ([MS-ERREF] 2.3, the C bit).
  return (code & 0x20000000) != 0 || code == 0xC0000374 || code == 0xC06D007E ||
         code == 0xC06D007F || code == 0x0EEDFADE || code == 0x0EEFFACE || code == 0x0517A7ED ||
         code == 0xC000000D || code == 0xC0000008 || code == 0xC0000417;
}

bool is_requested_dump(Platform platform, std::uint32_t code) {
  switch (platform) {
  case Platform::windows: return code == 0x0517A7ED;
  case Platform::linux_: return code == 0xFFFFFFFF;
  case Platform::macos: return code == 0x43507378;
  case Platform::other: break;
  }
  return false;
}

ExceptionText describe_exception_code(Platform platform, std::uint32_t code) {
  for (const Row& row : kRows) {
    if (row.platform == platform && row.code == code) return row.text;
  }
  if (platform == Platform::windows) {
    if (const formats::StatusInfo* status = formats::find_ntstatus(code))
      return {status->name, status->meaning};
  }
  return {};
}

std::string_view fast_fail_name(std::uint64_t subcode) {
  const FastFail* row = find_fast_fail(subcode);
  return row ? row->name : std::string_view{};
}

std::string_view fast_fail_meaning(std::uint64_t subcode) {
  const FastFail* row = find_fast_fail(subcode);
  return row ? row->meaning : std::string_view{};
}

std::string_view access_of_exception(std::uint64_t parameter) {
  switch (parameter) {
  case 0: return "read";
  case 1: return "write";
  case 8: return "execute";
  default: return "";
  }
}

} // namespace dumptriage::evidence
