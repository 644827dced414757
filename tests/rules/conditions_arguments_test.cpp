// Wrong arguments, and what is said of them.
#include <gtest/gtest.h>

#include "rules/conditions/condition.h"
#include "rules/facts_builder.h"

namespace dumptriage::rules::test {
namespace {

struct Wrong {
  const char* condition;
  const char* said;
};

const Wrong kWrong[] = {
    {"bugcheck: x", "expected a bugcheck code such as 0xD1, found 'x'"},
    {"bugcheck: 0x100000000", "a bugcheck code has 32 bits"},
    {"exception: ACCESS", "expected an NTSTATUS such as 0xC0000005"},
    {"exception: {}", "missing key 'code'"},
    {"parameters: {p5: 1}", "unknown key 'p5'"},
    {"parameters: {}", "expected at least one of p1, p2, p3, p4"},
    {"parameters: {p1: {}}", "expected at least one key"},
    {"parameters: {p1: {rva: 1}}", "an 'rva' needs 'in'"},
    {"parameters: {p1: {in: 'a*.sys', rva: 1}}", "an 'rva' needs 'in' with a module without '*'"},
    {"parameters: {p1: {page_offset: 0x1000}}", "expected an offset in a page, below 0x1000"},
    {"parameters: {p1: {high16: 0x10000}}", "expected the upper half of 32 bits"},
    {"parameters: {p1: {same_as: p1}}", "names the parameter itself"},
    {"parameters: {p1: {text: ninecharsx}}", "expected true, or four or eight characters"},
    {"status_text: {}", "expected 'image' or 'status'"},
    {"os: {}", "expected at least one key"},
    {"os: {pae: maybe}", "expected pae: true or false"},
    {"cpus: {}", "expected at_least or at_most"},
    {"cpus: {at_least: 3, at_most: 2}", "at_least is more than at_most"},
    {"hang_dump: false", "expected true; for the opposite write 'not: {hang_dump: true}'"},
    {"stack_exhausted: false", "for the opposite write 'not: {stack_exhausted: true}'"},
    {"module_loaded: 'a b'", "expected a module such as netbt.sys, found 'a b'"},
    {"module_older: {module: a.sys}", "missing key 'than'"},
    {"module_older: {module: a.sys, than: yesterday}", "expected a service pack such as"},
    {"module_linked: {module: a.sys, on: Monday}", "expected a date such as 1999-12-14"},
    {"module_linked: {module: a.sys, on: 1999-12-14, within_days: 61}",
     "expected a number of days up to 60"},
    {"driver_class: nice", "expected a class of drivers: antivirus"},
    {"fault_in: {module: 'a*', rva: 1}", "an 'rva' needs a module without '*'"},
    {"fault_address: odd", "expected a kind of address: null, freed"},
    {"irql: high", "expected an IRQL such as 2, found 'high'"},
    {"irql: {}", "expected at_least or at_most"},
    {"thread_state: exiting", "expected a state of a thread: initialized"},
    {"frame_module: {module: a.sys, within: 0}", "expected a number of frames above 0"},
    {"frame_module: {module: a.sys, on: all}", "expected crashing_thread, any_cpu or any_thread"},
    {"frame_function: NtClose", "expected a function such as netbt!NbtConnect, found 'NtClose'"},
    {"frame_sequence: [nt!NtClose]", "expected two frames or more"},
    {"frame_sequence: {on: any_cpu}", "missing key 'frames'"},
    {"pool_usage: {tag: TMRL}", "expected at_least or at_most"},
    {"pool_usage: {tag: TMRL, at_least: 25}", "expected a share such as 25%, found '25'"},
    {"pool_usage: {tag: TOOLONG, at_least: 25%}", "expected a pool tag of one to four characters"},
    {"pool_usage: {tag: TMRL, pool: big, at_least: 25%}", "expected paged or nonpaged"},
    {"session_leak: TOOLONG", "expected a pool tag of one to four characters"},
    {"pool_tag_at: {at: p1}", "expected 'tag' or 'state'"},
    {"pool_tag_at: {at: p5, tag: Irp}", "expected p1, p2, p3, p4 or fault"},
    {"irp: {}", "expected at least one key"},
    {"irp: {state: odd}", "expected freed, completed, pending or cancelled"},
    {"corruption: all", "expected a list of free memory: pool_freelist"},
    {"corruption: {}", "expected at least one key"},
    {"wait_cycle: {objects: eresource}", "expected a kind of object: thread, process"},
    {"wait_cycle: {sessions: same}", "expected distinct or apart, found 'same'"},
    {"blocked_threads: {at_least: 2}", "expected 'module', 'function' or 'wait'"},
    {"blocked_threads: {at_least: 101%, module: a.sys}", "expected a number of threads such as 2"},
    {"blocked_threads: {at_least: 0, module: a.sys}", "expected a number of threads such as 2"},
    {"work_queue: {queue: critical}", "expected idle_at_most or pending_at_least"},
    {"work_queue: {queue: slow, idle_at_most: 0}", "expected critical, delayed or hypercritical"},
    {"lock_held: {kind: resource}", "missing key 'by'"},
    {"network_peer: {}", "expected 'port' or 'protocol'"},
    {"dump_set: {at_least: 1}", "expected 'at_least' of 2 or more"},
    {"count: {at_least: 3, of: [{irql: 2}]}", "expected 'at_least' between 1 and 1"},
};

TEST(Arguments, WrongOnesAreRefusedWithWhatWasExpected) {
  for (const Wrong& wrong : kWrong) {
    Catalogue catalogue = load({{"t.yaml", rule_with(wrong.condition)}});
    EXPECT_EQ(catalogue.size(), 0u) << wrong.condition;
    std::string all;
    for (const auto& error : catalogue.errors) all += error.message() + "\n";
    EXPECT_NE(all.find(wrong.said), std::string::npos) << wrong.condition << "\n" << all;
  }
}

// Neither a map, a list nor a word in the wrong place may do more than be refused.
TEST(Arguments, EveryConditionRefusesEveryWrongShape) {
  for (const ConditionKind& kind : condition_kinds())
    for (const char* shape : {"[]", "{}", "''", "[[]]", "{zzz: 1}", "[{zzz: 1}]"}) {
      const std::string condition = std::string(kind.name) + ": " + shape;
      Catalogue catalogue = load({{"t.yaml", rule_with(condition)}});
      EXPECT_EQ(catalogue.size(), 0u) << condition;
      EXPECT_FALSE(catalogue.errors.empty()) << condition;
    }
}

} // namespace
} // namespace dumptriage::rules::test
