// Sources: stacks in Microsoft's public debugger documentation and knowledge base; Windows
// Internals (thread start-up); ReactOS for the names of NT 4 to Server 2003.
#include "stack/thread_starts.h"

#include "base/text.h"
#include "stack/top.h"

namespace dumptriage::stack {
namespace {

enum class Home { kernel, ntdll, kernel32 };

struct Row {
  Home home;
  std::string_view function;
  bool outermost;
};
// Names are undecorated, so ntdll's _RtlUserThreadStart of 32-bit x86, which calls
// __RtlUserThreadStart, stands here as RtlUserThreadStart.
constexpr Row kStarts[] = {
    {Home::ntdll, "RtlUserThreadStart", true},      {Home::ntdll, "_RtlUserThreadStart", false},
    {Home::ntdll, "__RtlUserThreadStart", false},   {Home::ntdll, "LdrInitializeThunk", true},
    {Home::kernel32, "BaseProcessStart", true},     {Home::kernel32, "BaseThreadStart", true},
    {Home::kernel32, "BaseThreadInitThunk", false}, {Home::kernel, "KiStartSystemThread", true},
    {Home::kernel, "KxStartSystemThread", true},    {Home::kernel, "KiThreadStartup", true},
    {Home::kernel, "KxThreadStartup", true},        {Home::kernel, "KiStartUserThread", true},
    {Home::kernel, "KxStartUserThread", true},      {Home::kernel, "PspSystemThreadStartup", false},
    {Home::kernel, "PspUserThreadStartup", false},  {Home::kernel, "KiIdleLoop", true},
};

bool lies_in(const Frame& frame, Home home) {
  switch (home) {
  case Home::kernel: return is_kernel_or_hal(frame);
  case Home::ntdll: return equals_no_case(frame.module_name, "ntdll.dll");
  case Home::kernel32: return equals_no_case(frame.module_name, "kernel32.dll");
  }
  return false;
}

} // namespace

std::optional<ThreadStart> thread_start(const Frame& frame, symbols::ModuleSet& modules) {
  if (!frame.module || (!lies_in(frame, Home::kernel) && !lies_in(frame, Home::ntdll) &&
                        !lies_in(frame, Home::kernel32)))
    return std::nullopt;
  const auto named = modules.name(frame.lookup());
  if (!named || !named->exact || named->symbol.far || !named->symbol.bounded) return std::nullopt;
  for (const Row& row : kStarts)
    if (named->symbol.function == row.function && lies_in(frame, row.home))
      return ThreadStart{row.outermost, frame.module_name + "!" + named->symbol.function};
  return std::nullopt;
}

} // namespace dumptriage::stack
