// Documents made by hand for the renderers' tests.
#pragma once

#include "report/document.h"

namespace dumptriage::report {

// Every section filled once.
inline Document full_document() {
  Document d;
  d.tool.version = "1.2.3";
  d.tool.rules_count = 4;
  d.tool.rules_digest = "abcd";
  d.dump.path = "share/one.dmp";
  d.dump.size = 50000;
  d.dump.id = std::string(64, 'a');
  d.dump.id_kind = "full";
  d.dump.format = "kernel";
  d.dump.kind = "triage";
  d.dump.arch = "x64";
  d.dump.description = "64-bit kernel triage dump";
  d.dump.accuracy = "real bytes";
  d.os.name = "Windows Server 2003 Service Pack 2 (build 3790), x64";
  d.os.family = "ws2003";
  d.os.service_pack = "SP2";
  d.os.build = 3790;
  d.os.cpus = 2;
  d.time.crash = "2009-02-10T10:11:12Z";
  d.time.uptime_s = 90061;
  d.crash.kind = "bugcheck";
  d.crash.code = 0xD1;
  d.crash.name = "DRIVER_IRQL_NOT_LESS_OR_EQUAL";
  d.crash.summary = "A driver touched memory it must not touch.";
  d.crash.parameters = {
      {0x10, "address touched"}, {2, "IRQL"}, {0, ""}, {0xFFFFF80001001234, "code"}};
  d.crash.exception.present = true;
  d.crash.exception.code = 0xC0000005;
  d.crash.exception.name = "STATUS_ACCESS_VIOLATION";
  d.crash.exception.address = 0xFFFFF80001001234;
  d.crash.exception.parameters = {0, 0x10};
  d.crash.exception.from = "bugcheck parameter 3";
  d.crash.ip = 0xFFFFF80001001234;
  d.crash.address = 0x10;
  d.crash.access = "read";
  d.crash.address_class = "null+offset";
  d.crash.instruction = "mov eax, dword ptr [rcx + 16]";
  d.crash.cpu = 1;
  d.crash.irql = 2;
  d.crash.process = "System";
  d.crash.thread = "36";
  d.blame = {"netbt.sys", "NbtCopy", "it is on top", "unwind_data", 0x1234};
  d.bucket = {"D1:netbt.sys@45D6C53C6000+1234", "D1:netbt.sys", "0xD1 in netbt.sys+0x1234"};
  d.cpus = {{0, 0xFFFFFADF00000000, std::nullopt, "KPRCB.Context", 0xFFFFF80001000010, false},
            {1, 0xFFFFFADF00001000, 2, "KPRCB.Context", 0xFFFFF80001001234, true}};
  d.processes = {{4, "System", std::nullopt}};
  ThreadRow crashed;
  crashed.id = "36";
  crashed.process = "System";
  crashed.cpu = 1;
  crashed.crashed = crashed.walked = true;
  crashed.context_from = "KPRCB.Context";
  crashed.sure_frames = 2;
  FrameRow frame;
  frame.pc = 0xFFFFF80001001234;
  frame.sp = 0xFFFFFADF11110000;
  frame.module = "netbt.sys";
  frame.function = "NbtCopy";
  frame.offset = 0x2B;
  frame.file = "c:\\src\\netbt.c";
  frame.line = 18;
  frame.trust = "context";
  frame.name_source = "pdb";
  frame.name_exact = true;
  frame.origin = "dump";
  crashed.frames.push_back(frame);
  frame = {};
  frame.index = 1;
  frame.pc = 0xFFFFF80002000100;
  frame.sp = 0xFFFFFADF11110040;
  frame.module = "tcpip.sys";
  frame.offset = 0x100;
  frame.trust = "unwind_data";
  frame.origin = "image";
  crashed.frames.push_back(frame);
  frame.index = 2;
  frame.trust = "scan";
  frame.sp = 0xFFFFFADF11110080;
  crashed.frames.push_back(frame);
  crashed.ended = "the captured stack ends";
  crashed.sure_ended = "no image of tcpip.sys";
  d.threads.push_back(crashed);
  ThreadRow other;
  other.id = "cpu 0";
  other.cpu = 0;
  other.object = 0xFFFFFADF00000000;
  other.process_id = 4;
  other.priority = 8;
  other.wait_s = 12;
  other.start_address = 0xFFFFF80001000500;
  other.start = "netbt.sys+0x500";
  other.wait_objects = {"ERESOURCE@FFFFFADF00005000"};
  d.threads.push_back(other);
  d.waits.nodes = {{"thread:36", "thread", "thread 36 of System", "", 0xFFFFFADF00001000},
                   {"thread:cpu 0", "thread", "the thread on cpu 0", "", 0xFFFFFADF00000000},
                   {"ERESOURCE@FFFFFADF00005000", "resource", "ERESOURCE 0xFFFFFADF00005000",
                    "owned exclusive", 0xFFFFFADF00005000, true}};
  d.waits.edges = {{1, 2, false, "shared", "WrResource", "read", "KWAIT_BLOCK.Object", true, true},
                   {2, 0, true, "exclusive", "", "self_checked", "owner entry", false, false, 2},
                   {0, 2, false, "exclusive", "WrResource", "inferred", "on its stack"}};
  d.waits.cycles = {{{0, 2}, "inferred", true}};
  IrpRow irp;
  irp.address = 0xFFFFFADF00002000;
  irp.thread = 0xFFFFFADF00001000;
  irp.thread_id = "36";
  irp.from = "bugcheck parameter 1";
  irp.stack_count = 2;
  irp.current_location = 4;
  irp.completed = irp.of_stop = true;
  irp.trust = "read";
  d.irps.push_back(irp);
  irp.address = 0xFFFFFADF00002200;
  irp.from = "IrpList of thread 40";
  irp.thread_id = "40";
  irp.current_location = 1;
  irp.completed = irp.of_stop = false;
  irp.pending = irp.cancelled = true;
  irp.status = 0x103;
  irp.cancel_routine = 0xFFFFF80001000600;
  irp.cancel_at = "netbt.sys+0x600";
  IrpLocationRow location;
  location.number = 1;
  location.current = true;
  location.major = "IRP_MJ_READ";
  location.major_number = 3;
  location.control = 0xE0;
  location.driver = "\\Driver\\netbt";
  location.device = 0xFFFFFADF00003000;
  location.file_object = 0xFFFFFADF00003200;
  location.completion = 0xFFFFF80002000010;
  location.completion_at = "tcpip.sys+0x10";
  location.context = 1;
  irp.locations = {location};
  IrpLocationRow above = location;
  above.number = 2;
  above.current = false;
  above.minor = "IRP_MN_NORMAL";
  irp.locations.insert(irp.locations.begin(), above);
  d.irps.push_back(irp);
  PoolRow page;
  page.asked = 0xFFFFFADF00004050;
  page.page = 0xFFFFFADF00004000;
  page.from = "asked for";
  page.form = "units of 16 bytes";
  page.trust = "read";
  page.blocks = {{0xFFFFFADF00004000, 0x40, 2, "Irp ", "allocated", "nonpaged", false},
                 {0xFFFFFADF00004040, 0x60, 2, "NbtL", "allocated", "nonpaged", true}};
  page.inconsistent_at = 0xFFFFFADF000040A0;
  page.diagnosis = "a block size of 0";
  page.damage = "41 41  AA";
  page.fill = "0x00000000";
  page.undecided = "a remark";
  d.pool.push_back(page);
  ModuleRow module;
  module.name = "netbt.sys";
  module.path = "\\SystemRoot\\system32\\drivers\\netbt.sys";
  module.base = 0xFFFFF80001000000;
  module.size = 0x6000;
  module.timestamp = 0x45D6C53C;
  module.checksum = 0x1F00;
  module.version = "5.2.3790.3959";
  module.version_from = "image";
  module.debug_file = "netbt.pdb";
  module.debug_id = "00112233445566778899AABBCCDDEEFF1";
  module.symbols = "pdb";
  module.image = "file";
  module.image_id = "45D6C53C6000";
  module.matters = true;
  d.modules.push_back(module);
  d.unloaded_modules = {{"old.sys", 0xFFFFF80003000000, 0x1000, 0x12345678}};
  evidence::Fact fact;
  fact.kind = "stop";
  fact.id = "stop";
  fact.fields = {{"code", std::uint64_t{0xD1}},
                 {"huge", std::uint64_t{0xFFFFFFFFFFFFFFFF}},
                 {"kind", std::string("bugcheck")},
                 {"p1", evidence::Address{0x10}},
                 {"sure", true}};
  fact.refs = {"module:netbt.sys"};
  fact.where = Where::file(0x40);
  fact.trust = "dump";
  d.facts.push_back(fact);
  d.coverage = {{"stop", evidence::Coverage::Extent::complete, 1, 1, ""},
                {"frame", evidence::Coverage::Extent::partial, 1, 2, "CPU 0"}};
  d.wanted = {{"image", "tcpip.sys", "45D6C10062000", "the sure part of a stack ends in it"},
              {"pdb", "tcpip.pdb", "00112233445566778899AABBCCDDEE001", "names of its functions"}};
  MatchRow match;
  match.rule = "kb1-test";
  match.kb = "KB1";
  match.title = "Frame overruns a buffer";
  match.verdict = "confirmed";
  match.fix_state = "unpublished";
  match.fix.hotfix = match.fix.unpublished = true;
  match.fix.files = {{"netbt.sys", "x64", "SP2", "", "2009-01-01", "", 1234}};
  match.fix.caveats = {"Only when affected."};
  match.advice = {"Install the hotfix of KB1."};
  match.explanation = {"yes", false, "kb1-test",
                       "",    {},    {{"yes", false, "require", "all hold", {"stop"}, {}}}};
  match.evidence_missing = {"the other CPU"};
  d.matches.push_back(match);
  d.notes = {{Severity::warning, Code::absent, "stack of CPU 0: not captured",
              Where::virtual_address(0xFFFFF80003000000)},
             {Severity::info, Code::limit, "a remark", {}}};
  return d;
}

} // namespace dumptriage::report
