#include "matrix/scenes.h"

namespace dumptriage::matrix {
namespace {

void lay_code(NtMachine& m, State state) {
  const bool plain = state == State::edition;
  auto add = [&](NtImage image) {
    if (!plain) image.version[3] = 0x8000 + 419;
    m.code.add(std::move(image));
  };
  NtImage nt = kernel(NtSystem::nt4_x86, {"KeBugCheckEx"});
  nt.timestamp = day(1999, 4, 2);
  nt.functions.push_back(
      {.name = "NtCreateFile", .exported = true, .parameters = 11, .calls = {"IopParseDevice"}});
  nt.functions.push_back(
      {.name = "IopParseDevice", .parameters = 10, .calls = {"MupCreate", "RdrFsdCreate"}});
  add(nt);
  NtImage mup = driver(NtSystem::nt4_x86, "mup.sys",
                       {{.name = "MupCreate", .parameters = 2, .calls = {"DfsFsdCreate"}},
                        {.name = "DfsFsdCreate", .parameters = 2, .calls = {"RdrConnect"}},
                        {.name = "MupRedirQuery",
                         .parameters = 1,
                         .calls = {"ExAcquireResourceExclusiveLite", "KeWaitForSingleObject"}}});
  mup.timestamp = state == State::fixed ? day(1999, 6, 12) + 8 * 3600 : day(1999, 4, 2);
  add(mup);
  add(driver(NtSystem::nt4_x86, "rdr.sys",
             {{.name = "RdrFsdCreate", .parameters = 2, .calls = {"MupRedirQuery"}},
              {.name = "RdrConnect",
               .parameters = 2,
               .calls = {"ExAcquireResourceExclusiveLite", "KeWaitForSingleObject"}}}));
  m.code.link();
  m.load_images();
}

// One session's thread: down to its wait for a lock, or for a plain event.
struct Waiter {
  std::vector<std::string> calls;
  std::uint64_t object; // what it waits for
  bool resource;
  std::uint64_t process_id; // a session has processes of its own
};
NtStack lay_waiter(NtMachine& m, std::uint64_t thread, const Waiter& waiter, bool paged_out) {
  const auto [limit, base] = m.next_stack();
  NtStack stack(m.code, limit, base);
  if (paged_out) m.page_out(limit, base - limit);
  stack.begin("NtCreateFile");
  stack.call("IopParseDevice");
  for (const std::string& function : waiter.calls) stack.call(function);
  const auto object = static_cast<std::uint32_t>(waiter.object);
  if (waiter.resource) {
    stack.call("ExAcquireResourceExclusiveLite", {object, 1});
    stack.call("ExpWaitForResource", {object, 1});
  }
  stack.call("KeWaitForSingleObject", {object});
  stack.call("KiSwapThread");
  stack.swap("KiSwapContext", "SwapContext");
  const std::size_t process = m.process("explorer.exe", waiter.process_id);
  m.thread(stack, {.process = process, .object = thread});
  return stack;
}

} // namespace

Made make_q260752(State state, Level level) {
  NtMachine m(NtSystem::nt4_x86, level != Level::none);
  lay_code(m, state);
  synth::KernelObjects objects(synth::KernelBuild::nt4_x86);
  const std::uint64_t first = objects.thread(), second = objects.thread();
  const std::uint64_t prefixes = objects.resource(), connections = objects.resource();
  const bool locked = state != State::other;
  if (locked) {
    objects.own(prefixes, first, true);
    objects.own(connections, second, true);
    objects.wait_resource(first, connections, true);
    objects.wait_resource(second, prefixes, true);
  } else {
    objects.wait(first, {objects.event()}, 0);
    objects.wait(second, {objects.event()}, 0);
  }
  m.adopt(objects);
  const bool gone = state == State::paged_out;
  const NtStack one = lay_waiter(
      m, first, {{"MupCreate", "DfsFsdCreate", "RdrConnect"}, connections, locked, 0x80}, gone);
  const NtStack two =
      lay_waiter(m, second, {{"RdrFsdCreate", "MupRedirQuery"}, prefixes, locked, 0x9C}, gone);
  const auto [limit, base] = m.next_stack();
  NtStack stack(m.code, limit, base);
  stack.begin("PspSystemThreadStartup");
  stack.call("ExpWorkerThread");
  stack.call("KeBugCheckEx", {0xE2});
  m.thread(stack, {.cpu = 0, .context = stack.context(true)});
  m.stop = 0xE2;
  if (state == State::os) m.build = 2195;
  return {dump_of(m, "full"), symbols(m, level), truth_of(m, {&stack}, {&one, &two})};
}

} // namespace dumptriage::matrix
