// .pt files in both containers: pickles that lie, do more than describe tensors, or have no end.
#include "bad_files/bad_file_classes.hpp"
#include "formats/pickle_bytes.hpp"
#include "formats/zip_bytes.hpp"
#include "lacuna/formats/tensor_archive.hpp"

namespace lacuna::test {
namespace {

using pickle::global;
using pickle::integer;
using pickle::little;
using pickle::proto;
using pickle::stack_global;
using pickle::storage;
using pickle::tensor;
using pickle::text;
using pickle::tuple;
using pickle::vector;

constexpr std::int64_t kHuge = std::int64_t{1} << 62;
const std::string kSixteen(16, '\1');

std::string holding(const std::string& object) { return pt_zip_bytes(proto() + object + ".", {{"0", kSixteen}}); }
std::string good() { return holding(vector(4)); }
// The legacy stream names a view of each storage, or none.
std::string legacy_good() { return pt_legacy_bytes(proto() + vector(4, "N") + ".", {{"0", 4, kSixteen}}); }

// A pickle for each value, as the whole data.pkl.
BadFiles pickles(const std::vector<std::pair<std::string, std::string>>& named) {
  BadFiles files;
  for (const auto& [what, bytes] : named) files.push_back({what, pt_zip_bytes(bytes, {{"0", kSixteen}})});
  return files;
}

BadFiles cut_pickles() {
  const std::string whole = proto() + vector(4) + ".";
  BadFiles files;
  for (std::size_t length = 0; length < whole.size(); length += 9) {
    files.push_back({"cut to " + std::to_string(length), pt_zip_bytes(whole.substr(0, length), {{"0", kSixteen}})});
  }
  return files;
}

BadFiles forbidden_globals() {
  BadFiles files;
  const std::vector<std::pair<std::string, std::string>> names = {{"os", "system"},
                                                                  {"posix", "system"},
                                                                  {"builtins", "eval"},
                                                                  {"builtins", "getattr"},
                                                                  {"subprocess", "Popen"},
                                                                  {"pip", "main"},
                                                                  {"runpy", "_run_code"},
                                                                  {"torch.storage", "_load_from_bytes"},
                                                                  {"torch", "load"},
                                                                  {"torch._utils", "_rebuild_sparse_csr_tensor"},
                                                                  {"torch.nn.modules.linear", "Linear"},
                                                                  {"collections", "Counter"},
                                                                  {"__main__", "Model"},
                                                                  {"", ""}};
  for (const auto& [module, name] : names) {
    files.push_back({module + "." + name + " called", holding(global(module, name) + tuple(text("id")) + "R")});
    files.push_back({module + "." + name + " named", holding("}" + text("a") + stack_global(module, name) + "s")});
  }
  return files;
}

BadFiles opcodes() {
  BadFiles files;
  const std::string known =
      "().012FGIJKLMNPQRSTUVX]abcdeghijlopqrstu}\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8b\x8c"
      "\x8d\x8e\x8f\x90\x91\x92\x93\x94\x95\x96\x97\x98"
      "BC";
  for (int byte = 0; byte < 256; byte += 5) {
    const char c = static_cast<char>(byte);
    if (known.find(c) == std::string::npos)
      files.push_back({"opcode " + std::to_string(byte), holding(std::string(1, c))});
  }
  for (const std::string op : {"o", "\x81", "\x92", "\x8f", "\x90", "\x91", "\x96", "\x97", "\x98"}) {
    files.push_back({"opcode " + std::to_string(static_cast<unsigned char>(op[0])), holding(op + "N")});
  }
  return files;
}

BadFiles stacks() {
  std::vector<std::pair<std::string, std::string>> all;
  for (const std::string op :
       {"t", "a", "s", "u", "e", "R", "b", "d", "l", "Q", "1", "0", "\x85", "\x86", "\x87", "\x93", "."}) {
    all.emplace_back("an empty stack, then " + op, proto() + op + ".");
  }
  all.emplace_back("a mark as the result", proto() + "(.");
  all.emplace_back("an append to a number", proto() + "K\1K\2a.");
  all.emplace_back("an item of a number", proto() + "K\1K\2K\3s.");
  all.emplace_back("an item of a list", proto() + "]K\2K\3s.");
  all.emplace_back("a state of a number", proto() + "K\1}b.");
  return pickles(all);
}

BadFiles memos() {
  return pickles({{"get without put", proto() + "h\1."},
                  {"long get without put", proto() + "j" + little(0xFFFFFFFF, 4) + "."},
                  {"text get without put", "g7\n."},
                  {"a negative text get", "g-1\n."},
                  {"put at 2^32 - 1", proto() + "Nr" + little(0xFFFFFFFF, 4) + "h\0."},
                  {"put of nothing", proto() + "q\1."},
                  {"a text put that is no number", "Npx\n."}});
}

BadFiles recursion() {
  BadFiles files = pickles({{"a list in itself", proto() + "]q\1h\1a."},
                            {"a dict in itself", proto() + "}q\1" + text("a") + "h\1s."},
                            {"two lists in each other", proto() + "]q\1]q\2h\1ah\2a0h\1."}});
  for (const std::size_t depth : {1000, 100'000, 1'000'000}) {
    const std::string n = std::to_string(depth);
    files.push_back({n + " tuples", holding("K\1" + repeated("\x85", depth))});
    files.push_back({n + " lists", holding(repeated("]", depth) + repeated("a", depth - 1))});
    files.push_back({n + " marks", holding(repeated("(", depth))});
  }
  return files;
}

BadFiles huge_counts() {
  return pickles({{"a text of 2^32 - 1", proto() + "X" + little(0xFFFFFFFF, 4) + "x."},
                  {"a text of 2^63", proto(4) + "\x8d" + little(std::uint64_t{1} << 63, 8) + "x."},
                  {"a text of 2^64 - 1", proto(4) + "\x8d" + little(~std::uint64_t{0}, 8) + "x."},
                  {"bytes of 2^32 - 1", proto(3) + "B" + little(0xFFFFFFFF, 4) + "x."},
                  {"bytes of 2^64 - 1", proto(4) + "\x8e" + little(~std::uint64_t{0}, 8) + "x."},
                  {"a string of -1", proto() + "T" + little(0xFFFFFFFF, 4) + "x."},
                  {"an integer of 2^31 bytes", proto() + "\x8b" + little(0x7FFFFFFF, 4) + "x."},
                  {"an integer of -1 bytes", proto() + "\x8b" + little(0xFFFFFFFF, 4) + "x."},
                  {"a frame of 2^64 - 1", proto(4) + "\x95" + little(~std::uint64_t{0}, 8) + "N."},
                  {"a million digits", "I" + std::string(1'000'000, '9') + "\n."},
                  {"protocol 255", proto(255) + "N."}});
}

BadFiles beyond_storage() {
  BadFiles files;
  const auto add = [&](const std::string& what, std::int64_t offset, const std::string& size,
                       const std::string& stride) {
    files.push_back({what, holding(tensor(storage("FloatStorage", "0", 4), offset, size, stride))});
  };
  add("one element more", 0, integer(5), integer(1));
  add("one more by offset", 1, integer(4), integer(1));
  add("offset beyond", 4, integer(1), integer(1));
  add("huge offset", kHuge, integer(1), integer(1));
  add("negative offset", -1, integer(1), integer(1));
  add("negative size", 0, integer(-1), integer(1));
  add("negative stride", 3, integer(2), integer(-1));
  add("stride beyond", 0, integer(2), integer(4));
  add("more strides than sizes", 0, integer(2), integer(1) + integer(1));
  add("fewer strides than sizes", 0, integer(2) + integer(2), integer(1));
  add("two million dimensions", 0, repeated("K\1", 2'000'000), integer(1));
  return files;
}

BadFiles overflows() {
  BadFiles files;
  const auto add = [&](const std::string& what, std::int64_t offset, const std::string& size,
                       const std::string& stride) {
    files.push_back({what, holding(tensor(storage("FloatStorage", "0", 4), offset, size, stride))});
  };
  add("size", 0, integer(kHuge), integer(1));
  add("size without stride", 0, integer(kHuge), integer(0));
  add("stride", 0, integer(2), integer(kHuge));
  add("product of sizes", 0, integer(kHuge) + integer(8), integer(0) + integer(0));
  add("product behind a zero", 0, integer(0) + integer(kHuge) + integer(8), integer(1) + integer(1) + integer(1));
  add("size times stride", 0, integer(5) + integer(2), integer(kHuge) + integer(1));
  add("offset plus stride", 3, integer(2), integer(INT64_MAX));
  add("an expansion of 2^40", 0, integer(std::int64_t{1} << 40) + integer(4), integer(0) + integer(1));
  for (const std::int64_t n : {kHuge, INT64_MAX, std::int64_t{-1}, std::int64_t{1} << 33}) {
    files.push_back({"a storage of " + std::to_string(n), holding(vector(n))});
  }
  return files;
}

BadFiles storages() {
  BadFiles files;
  const auto add = [&](const std::string& what, const std::string& from) {
    files.push_back({what, holding(tensor(from, 0, integer(1), integer(1)))});
  };
  add("more elements than bytes", storage("FloatStorage", "0", 5));
  add("fewer elements than bytes", storage("FloatStorage", "0", 3));
  add("a missing member", storage("FloatStorage", "1", 4));
  add("a key that leaves", storage("FloatStorage", "../data.pkl", 4));
  add("an absolute key", storage("FloatStorage", "/etc/passwd", 4));
  add("an empty key", storage("FloatStorage", "", 4));
  add("complex numbers", storage("ComplexFloatStorage", "0", 2));
  add("quantised numbers", storage("QUInt8Storage", "0", 16));
  add("a number", "K\1");
  add("a text", text("storage") + "Q");
  add("a tuple of one", tuple(text("storage")) + "Q");
  add("another persistent id",
      tuple(text("module") + global("torch", "FloatStorage") + text("0") + text("cpu") + integer(4)) + "Q");
  return files;
}

BadFiles legacy_lies() {
  const std::string pickle = proto() + vector(4, "N") + ".";
  BadFiles files;
  const auto add = [&](const std::string& what, const std::vector<LegacyStorage>& all) {
    files.push_back({what, pt_legacy_bytes(pickle, all)});
  };
  for (const std::uint64_t n : {std::uint64_t{0}, std::uint64_t{3}, std::uint64_t{5}, std::uint64_t{1} << 40,
                                std::uint64_t{1} << 62, std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
    add("a count of " + std::to_string(n), {{"0", n, kSixteen}});
  }
  add("no storages", {});
  add("another key", {{"1", 4, kSixteen}});
  add("a storage twice", {{"0", 4, kSixteen}, {"0", 4, kSixteen}});
  add("a storage too many", {{"0", 4, kSixteen}, {"1", 4, kSixteen}});
  files.push_back({"bytes behind the end", legacy_good() + "x"});
  files.push_back({"code", pt_legacy_bytes(proto() + global("os", "system") + tuple(text("id")) + "R.")});
  files.push_back({"a text alone", proto() + text("hello") + "."});
  return files;
}

}  // namespace

BadFileClasses pt_classes() {
  const auto read = [](const std::filesystem::path& path) { open_tensor_file(path); };
  const auto make = [&](const std::string& name, std::function<BadFiles()> files, bool offset = true) {
    return BadFileClass{"Pt" + name, "model.pt", read, std::move(files), good(), offset};
  };
  return {make("CutPickles", cut_pickles),
          make("ForbiddenGlobals", forbidden_globals),
          make("Opcodes", opcodes),
          make("Stacks", stacks),
          make("Memos", memos),
          make("Recursion", recursion, false),
          make("HugeCounts", huge_counts),
          make("BeyondStorage", beyond_storage),
          make("Overflows", overflows),
          make("Storages", storages),
          {"LegacyTruncated", "model.pth", read, [] { return truncations(legacy_good(), 40); }, legacy_good()},
          {"LegacyLies", "model.pth", read, legacy_lies, legacy_good()}};
}

}  // namespace lacuna::test
