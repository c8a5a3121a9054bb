// Promise P4: a pickle is never executed. Every payload is tried in a zip .pt, in a legacy stream and as a raw pickle;
// none may be accepted, and none may start a program or open a socket.
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>

#include "lacuna/formats/pt_reader.hpp"
#include "pickle_bytes.hpp"
#include "refusal.hpp"
#include "zip_bytes.hpp"

namespace lacuna {
namespace {

using namespace test::pickle;

struct Payload {
  std::string what;
  std::string pickle;
};

// Globals that run code, read files or load more code; from published scanners' bypasses and from Python's library.
const std::vector<std::pair<std::string, std::string>> kGlobals = {
    {"os", "system"},
    {"posix", "system"},
    {"nt", "system"},
    {"os", "popen"},
    {"os", "execv"},
    {"subprocess", "Popen"},
    {"subprocess", "check_output"},
    {"builtins", "eval"},
    {"builtins", "exec"},
    {"builtins", "compile"},
    {"builtins", "getattr"},
    {"builtins", "__import__"},
    {"builtins", "open"},
    {"__builtin__", "eval"},
    {"pip", "main"},
    {"pip._internal", "main"},
    {"runpy", "_run_code"},
    {"importlib", "import_module"},
    {"operator", "attrgetter"},
    {"operator", "methodcaller"},
    {"functools", "partial"},
    {"functools", "reduce"},
    {"pty", "spawn"},
    {"socket", "create_connection"},
    {"webbrowser", "open"},
    {"shutil", "rmtree"},
    {"ctypes", "CDLL"},
    {"marshal", "loads"},
    {"pickle", "loads"},
    {"types", "CodeType"},
    {"types", "FunctionType"},
    {"timeit", "timeit"},
    {"cProfile", "run"},
    {"bdb", "Bdb"},
    {"code", "InteractiveInterpreter"},
    {"asyncio.unix_events", "_UnixSubprocessTransport"},
    {"copyreg", "_reconstructor"},
    {"copy_reg", "_reconstructor"},
    {"_codecs", "encode"},
    {"numpy", "load"},
    {"numpy.core.multiarray", "_reconstruct"},
    {"numpy.testing._private.utils", "runstring"},
    {"cloudpickle.cloudpickle", "_make_function"},
    {"torch", "load"},
    {"torch.hub", "load"},
    {"torch.jit", "load"},
    {"torch.storage", "_load_from_bytes"},
    {"torch.utils.collect_env", "run"},
    {"torch.utils.data.datapipes.utils.decoder", "basichandlers"},
    {"torch._inductor.codecache", "compile_file"},
    {"torch._utils", "_rebuild_qtensor"},
    {"torch._utils", "_rebuild_sparse_tensor"},
    {"torch._utils", "_rebuild_sparse_csr_tensor"},
    {"torch._utils", "_rebuild_tensor_v3"},
    {"torch._utils", "_rebuild_device_tensor_from_numpy"},
    {"torch._tensor", "_rebuild_from_type_v2"},
    {"torch.nn.modules.linear", "Linear"},
    {"torch.nn.parameter", "Parameter"},
    {"torch", "FloatTensor"},
    {"torch", "QUInt8Storage"},
    {"torch.storage", "UntypedStorage"},
    {"__main__", "Model"},
    {"collections", "OrderedDict.fromkeys"},
    {"collections", "defaultdict"},
    {"collections", "Counter"},
    {"torch", "_utils._rebuild_tensor_v2"},
    {"torch._utils._rebuild_tensor_v2", "__globals__"},
    {"Torch", "float32"},
    {" torch", "float32"},
    {"torch", "float32 "},
    {"torch", ""},
    {"", "torch.float32"},
};

std::vector<Payload> global_payloads() {
  std::vector<Payload> all;
  for (const auto& [module, name] : kGlobals) {
    const std::string full = module + "." + name;
    all.push_back({full + " called", proto() + global(module, name) + tuple(text("id")) + "R."});
    all.push_back({full + " by STACK_GLOBAL", proto(4) + stack_global(module, name) + tuple(text("id")) + "R."});
    all.push_back({full + " merely named", proto() + "}" + text("a") + global(module, name) + "s."});
  }
  return all;
}

std::vector<Payload> opcode_payloads() {
  const std::string dict = global("collections", "OrderedDict");
  const std::string vector = test::pickle::vector(2);
  return {
      {"INST", "(S'id'\nios\nsystem\n."},
      {"INST of an allowed class", "(icollections\nOrderedDict\n."},
      {"INST without its lines", proto() + "(i"},
      {"OBJ", proto() + "(" + dict + "o."},
      {"protocol 0 call", "cos\nsystem\n(S'id'\ntR."},
      {"protocol 1 call", "cos\nsystem\n(U\x02idtR."},
      {"NEWOBJ of an allowed class", proto() + dict + ")\x81."},
      {"NEWOBJ_EX of an allowed class", proto(4) + dict + ")}\x92."},
      {"EXT1", proto() + "\x82\x01)R."},
      {"EXT2", proto() + "\x83\x01\x01)R."},
      {"EXT4", proto() + std::string("\x84\x01\x01\0\0)R.", 9)},
      {"PERSID", proto() + "P('storage')\n."},
      {"STACK_GLOBAL of numbers", proto(4) + "K\1K\2\x93."},
      {"STACK_GLOBAL of a global", proto(4) + dict + text("fromkeys") + "\x93."},
      {"STACK_GLOBAL by memo", proto(4) + text("os") + "q\1" + text("system") + "q\2h\1h\2\x93."},
      {"STACK_GLOBAL of one string", proto(4) + text("os") + "\x93."},
      {"REDUCE of text", proto() + text("eval") + ")R."},
      {"REDUCE of a number", proto() + "K\1)R."},
      {"REDUCE of a dict", proto() + "})R."},
      {"REDUCE of an OrderedDict", proto() + dict + ")R)R."},
      {"REDUCE of a tensor", proto() + vector + ")R."},
      {"REDUCE of a storage type", proto() + global("torch", "FloatStorage") + ")R."},
      {"REDUCE of a dtype", proto() + global("torch", "float32") + ")R."},
      {"REDUCE with a list", proto() + dict + "]R."},
      {"REDUCE with a dict", proto() + dict + "}R."},
      {"OrderedDict of a number", proto() + dict + "K\1\x85R."},
      {"OrderedDict of triples", proto() + dict + "](" + tuple("K\1K\2K\3") + "e\x85R."},
      {"OrderedDict with a list as key", proto() + dict + "](" + tuple("]K\2") + "e\x85R."},
      {"torch.Size of a number", proto() + global("torch", "Size") + "K\1\x85R."},
      {"torch.Size of a list", proto() + global("torch", "Size") + "]\x85R."},
      {"BUILD of a dict", proto() + "}}" + text("__class__") + "K\1sb."},
      {"BUILD of a list", proto() + "]}b."},
      {"BUILD of text", proto() + text("x") + "}b."},
      {"BUILD of a tuple", proto() + ")}b."},
      {"BUILD of a class", proto() + dict + "}b."},
      {"BUILD of a tensor", proto() + vector + "}b."},
      {"BUILD with a tuple", proto() + dict + ")R" + tuple("}}") + "b."},
      {"BUILD with a list", proto() + dict + ")R]b."},
      {"BUILD with numbers as attributes", proto() + dict + ")R}K\1K\2sb."},
      {"SETITEM on a list", proto() + "]K\1K\1s."},
      {"SETITEM on a tuple", proto() + ")K\1K\1s."},
      {"SETITEM on text", proto() + text("x") + "K\1K\1s."},
      {"SETITEM on a tensor", proto() + vector + "K\1K\1s."},
      {"SETITEM on a storage", proto() + storage("FloatStorage", "0", 2) + "K\1K\1s."},
      {"SETITEM on a class", proto() + dict + text("x") + "K\1s."},
      {"SETITEMS with an odd count", proto() + "}(K\1K\2K\3u."},
      {"SETITEMS on a list", proto() + "](K\1K\2u."},
      {"SETITEM with a list as key", proto() + "}]K\1s."},
      {"SETITEM with a tensor as key", proto() + "}" + vector + "K\1s."},
      {"SETITEM with a class as key", proto() + "}" + dict + "K\1s."},
      {"APPEND to a dict", proto() + "}K\1a."},
      {"APPEND to a tuple", proto() + ")K\1a."},
      {"APPEND to an OrderedDict", proto() + dict + ")RK\1a."},
      {"APPEND to a tensor", proto() + vector + "K\1a."},
      {"APPENDS to text", proto() + text("x") + "(K\1e."},
      {"EMPTY_SET", proto(4) + "\x8f."},
      {"FROZENSET", proto(4) + "(K\1\x91."},
      {"BYTEARRAY8", proto(5) + "\x96" + little(1, 8) + "x."},
      {"NEXT_BUFFER", proto(5) + "\x97."},
      {"READONLY_BUFFER", proto(5) + "K\1\x98."},
      {"BINBYTES", proto(3) + "B" + little(1, 4) + "x."},
      {"POP", proto() + "K\1K\2" + "0."},
      {"POP_MARK", proto() + "K\1(K\2" + "1."},
      {"DUP", proto() + "K\1" + "2\x86."},
      {"GET", proto() + "K\1q\1g1\n\x86."},
      {"an unknown opcode", proto() + "\xff."},
      {"protocol 6", proto(6) + "N."},
      {"PROTO in the middle", proto() + "N" + proto() + "."},
      {"a frame beyond the end", proto(4) + "\x95" + little(1 << 20, 8) + "N."},
      {"memo never stored", proto() + "h\7."},
      {"memo of a distant index", proto() + "Nr" + little(0xfffffff0, 4) + "."},
      {"memo of an empty stack", proto() + "q\1."},
      {"empty stack", proto() + "."},
      {"two values", proto() + "NN."},
      {"an open MARK", proto() + "N(."},
      {"no MARK", proto() + "Nt."},
      {"values below the MARK", proto() + "](K\1a."},
      {"no STOP", proto() + "N"},
      {"text beyond the end", proto() + "X" + little(0xffffffff, 4) + "x."},
      {"text of 2^63 bytes", proto(4) + "\x8d" + little(std::uint64_t{1} << 63, 8) + "x."},
      {"LONG4 of negative length", proto() + "\x8b" + little(0xffffffff, 4) + "."},
      {"text that is not UTF-8", proto() + text("\xc3\x28") + "."},
      {"text with a surrogate", proto() + text("\xed\xa0\x80") + "."},
      {"GLOBAL without its lines", proto() + "cos"},
      {"GLOBAL of an endless line", proto() + "c" + std::string(5000, 'a') + "\nb\n."},
      {"INT of text", "Ihello\n."},
      {"INT beyond 64 bits", "I99999999999999999999\n."},
      {"LONG of text", "Lx\n."},
  };
}

std::vector<Payload> persistent_id_payloads() {
  const std::string type = global("torch", "FloatStorage");
  const std::string rest = text("0") + text("cpu");
  const auto persistent = [](const std::string& items) { return proto() + tuple(items) + "Q."; };
  return {
      {"persistent number", proto() + "K\1Q."},
      {"persistent text", proto() + text("storage") + "Q."},
      {"persistent list", proto() + "]Q."},
      {"persistent None", proto() + "NQ."},
      {"persistent empty tuple", proto() + ")Q."},
      {"persistent 'module'", persistent(text("module") + "K\1K\2K\3")},
      {"persistent 'Storage'", persistent(text("Storage") + type + rest + "K\1")},
      {"persistent of a number first", persistent("K\1" + type + rest + "K\1")},
      {"storage without fields", persistent(text("storage"))},
      {"storage with seven fields", persistent(text("storage") + type + rest + "K\1NN")},
      {"storage of no type", persistent(text("storage") + "N" + rest + "K\1N")},
      {"storage of a dtype", persistent(text("storage") + global("torch", "float32") + rest + "K\1N")},
      {"storage of OrderedDict", persistent(text("storage") + global("collections", "OrderedDict") + rest + "K\1N")},
      {"storage with a number as key", persistent(text("storage") + type + "K\1" + text("cpu") + "K\1N")},
      {"storage with a number as place", persistent(text("storage") + type + text("0") + "K\1K\1N")},
      {"storage of negative size", persistent(text("storage") + type + rest + integer(-1) + "N")},
      {"storage of text size", persistent(text("storage") + type + rest + text("1") + "N")},
      {"storage of bool size", persistent(text("storage") + type + rest + "\x88N")},
      {"storage with a long key",
       persistent(text("storage") + type + text(std::string(300, 'k')) + text("cpu") + "K\1N")},
  };
}

std::vector<Payload> all_payloads() {
  auto all = global_payloads();
  for (const auto& more : {opcode_payloads(), persistent_id_payloads()})
    all.insert(all.end(), more.begin(), more.end());
  return all;
}

struct Container {
  std::string name;
  std::string bytes;
};

// A payload in every container there is; storage '0' of two floats is at hand for those that make a tensor.
std::vector<Container> containers(const std::string& pickle) {
  return {{"zip", test::pt_zip_bytes(pickle, {{"0", std::string(8, 'x')}})},
          {"legacy", test::pt_legacy_bytes(pickle, {{"0", 2, std::string(8, 'x')}})},
          {"legacy, at the start", pickle + test::pt_legacy_bytes(proto() + "N.")},
          {"raw", pickle}};
}

bool is_refused(const std::string& bytes) {
  try {
    read_pt(ByteSource(std::as_bytes(std::span(bytes)), "payload"));
    return false;
  } catch (const Error& error) {
    return error.code() != ErrorCode::internal;
  }
}

TEST(HostilePickle, NoPayloadIsAcceptedInAnyContainer) {
  const auto payloads = all_payloads();
  ASSERT_GE(payloads.size(), 300U);
  for (const auto& payload : payloads) {
    for (const auto& [name, bytes] : containers(payload.pickle)) {
      EXPECT_TRUE(is_refused(bytes)) << payload.what << ", " << name;
    }
  }
}

TEST(HostilePickle, TheContainersHoldAnHonestPickle) {
  const std::string floats(8, 'x');
  const auto zip = test::pt_zip_bytes(proto() + vector(2) + ".", {{"0", floats}});
  EXPECT_EQ(read_pt(ByteSource(std::as_bytes(std::span(zip)), "zip")).tensors.size(), 1U);
  const auto legacy = test::pt_legacy_bytes(proto() + vector(2, "N") + ".", {{"0", 2, floats}});
  EXPECT_EQ(read_pt(ByteSource(std::as_bytes(std::span(legacy)), "legacy")).tensors.size(), 1U);
}

TEST(HostilePickle, ForbiddenGlobalsAreNamedWithTheirOffset) {
  for (const auto& [module, name] : kGlobals) {
    const std::string pickle = proto() + "}" + text("a") + global(module, name) + ")Rs.";
    const std::string bytes = test::pt_zip_bytes(pickle);
    const auto error = test::expect_refused(module + "." + name, bytes);
    EXPECT_EQ(error.code(), ErrorCode::forbidden_global) << error.what();
    EXPECT_NE(error.message().find(module + "." + name), std::string::npos) << error.what();
    const auto start = bytes.find(pickle);
    EXPECT_EQ(error.byte_offset(), start + pickle.find(global(module, name))) << error.what();
    EXPECT_FALSE(error.hint().empty());
  }
}

TEST(HostilePickle, ControlCharactersOfANameDoNotReachTheMessage) {
  const auto error = test::expect_refused("escape", test::pt_zip_bytes(proto() + global("os\x1b[2J", "a\rb") + "."));
  EXPECT_EQ(error.code(), ErrorCode::forbidden_global);
  const std::string message = error.message();
  EXPECT_EQ(message.find('\x1b'), std::string::npos);
  EXPECT_EQ(message.find('\r'), std::string::npos);
}

// Kills the process at any system call that starts a program or opens a socket.
bool forbid_programs_and_sockets() {
  constexpr int kForbidden[] = {SYS_execve, SYS_execveat, SYS_socket, SYS_connect, SYS_fork, SYS_vfork, SYS_clone};
  std::vector<sock_filter> filter = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  for (const int call : kForbidden) {
    filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 1));
    filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
  }
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

TEST(HostilePickle, NoPayloadStartsAProgramOrOpensASocket) {
  constexpr int kNoFilter = 3;
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (!forbid_programs_and_sockets()) _exit(kNoFilter);
    for (const auto& payload : all_payloads()) {
      for (const auto& container : containers(payload.pickle)) {
        if (!is_refused(container.bytes)) _exit(1);
      }
    }
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status)) << "killed by signal " << WTERMSIG(status);
  if (WEXITSTATUS(status) == kNoFilter) GTEST_SKIP() << "this system refuses seccomp filters";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace lacuna
