// I/O requests: the IRPs of all threads, those a bugcheck's parameters point to, and asked ones.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dumptriage::system {

class KernelView;
struct ThreadState;

struct IrpLocation {
  unsigned number = 0; // 1-based; requests travel from the highest to the lowest
  bool current = false;
  std::uint8_t major = 0, minor = 0, control = 0;
  std::uint64_t device = 0, file_object = 0, completion_routine = 0, context = 0;
  std::uint64_t driver_object = 0; // 0: `device` is no device object
  std::string driver;              // "\Driver\netbt"; "" unknown
};

struct Irp {
  std::uint64_t address = 0;
  std::string from; // "IrpList of thread 1234", "bugcheck parameter 1", "asked for"
  std::uint64_t thread = 0;
  std::string thread_id; // ThreadState::id of `thread`; "" unknown
  std::uint32_t stack_count = 0, current_location = 0;
  // CurrentLocation beyond StackCount + 1: completed already.
  bool completed = false, pending = false, cancelled = false;
  std::uint32_t status = 0;
  std::uint64_t cancel_routine = 0, mdl = 0, file_object = 0;
  std::vector<IrpLocation> locations; // highest number first, as the request travels
  std::string trust;                  // "read", "self_checked"
};

std::string major_function_name(std::uint8_t major); // "IRP_MJ_READ"; "" unknown
// Names of minor functions where the major has some: "IRP_MN_START_DEVICE"; "" none.
std::string minor_function_name(std::uint8_t major, std::uint8_t minor);

// An IRP stands at `address`: type, size, stack count and current location fit each other.  Nothing
// else, with a note why when `note` is set.
std::optional<Irp> read_irp(const KernelView& view, std::uint64_t address, std::string from,
                            bool note);
// ETHREAD.IrpList of every thread, in thread order.
std::vector<Irp> irps_of_threads(const KernelView& view, const std::vector<ThreadState>& threads);

} // namespace dumptriage::system
