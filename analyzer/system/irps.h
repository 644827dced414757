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
  std::uint64_t driver_start = 0;  // DRIVER_OBJECT.DriverStart: the base of its module; 0 unknown
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
  // Its type and size are gone, because a link of a list of free blocks stands there.
  bool overwritten = false;
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
// What is left of an IRP in free memory, whose lists keep their links where its type and size
// stood. Its stack count, current location and the pointer to that location must agree, and its
// thread's list entry and the link must be such.
std::optional<Irp> read_freed_irp(const KernelView& view, std::uint64_t address, std::string from);
// Either of them, whose pointer to the current location agrees as well.  For places that somebody
// merely mentions.
std::optional<Irp> read_proved_irp(const KernelView& view, std::uint64_t address, std::string from);
// The proved IRPs that words of [low, high) point to, at most a few dozen, by place of the word.
std::vector<Irp> irps_on_stack(const KernelView& view, std::uint64_t low, std::uint64_t high,
                               const std::string& from);
// ETHREAD.IrpList of every thread, in thread order.
std::vector<Irp> irps_of_threads(const KernelView& view, const std::vector<ThreadState>& threads);

} // namespace dumptriage::system
