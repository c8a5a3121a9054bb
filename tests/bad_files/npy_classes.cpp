// .npy and .npz.
#include "bad_files/bad_file_classes.hpp"
#include "formats/pickle_bytes.hpp"
#include "formats/zip_bytes.hpp"
#include "lacuna/formats/tensor_archive.hpp"

namespace lacuna::test {
namespace {

std::string npy(const std::string& header, const std::string& values, char major = 1) {
  return std::string("\x93NUMPY") + major + std::string(1, '\0') + pickle::little(header.size(), major == 1 ? 2 : 4) +
         header + values;
}
std::string header(const std::string& descr, const std::string& order, const std::string& shape) {
  return "{'descr': " + descr + ", 'fortran_order': " + order + ", 'shape': " + shape + ", }\n";
}
const std::string kEight(8, '\1');
std::string good() { return npy(header("'<f4'", "False", "(2,)"), kEight); }
std::string good_npz() { return zip_bytes({{"a.npy", good()}, deflated_part("b.npy", good())}); }

BadFiles shapes() {
  BadFiles files;
  for (const std::string shape : {"(3,)",
                                  "(1,)",
                                  "(4611686018427387904,)",
                                  "(4611686018427387904, 8)",
                                  "(0, 4611686018427387904, 8)",
                                  "(99999999999999999999,)",
                                  "(-2,)",
                                  "(-0,)",
                                  "(02,)",
                                  "(2)",
                                  "[2]",
                                  "('2',)",
                                  "(2.0,)",
                                  "(1+1,)",
                                  "(2,",
                                  "((2,),)",
                                  "()",
                                  "(0,)",
                                  "(2,,)",
                                  "(,2)",
                                  "(True,)",
                                  "(None,)"}) {
    files.push_back({"shape " + shape, npy(header("'<f4'", "False", shape), kEight)});
  }
  return files;
}

BadFiles headers() {
  BadFiles files;
  for (const std::string text :
       {"", "{", "{}", "[]", "None", "{'descr': '<f4'}", "{'descr': '<f4', 'fortran_order': False}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} + exit()", "__import__('os').system('id')",
        "{'descr': '<f4' 'fortran_order': False, 'shape': (2,)}"}) {
    files.push_back({text.substr(0, 50), npy(text, kEight)});
  }
  files.push_back({"a megabyte of spaces", npy(std::string(1'000'000, ' '), kEight, 2)});
  files.push_back({"a million brackets", npy(std::string(1'000'000, '('), kEight, 2)});
  files.push_back({"a length of 2^32 - 1", std::string("\x93NUMPY\2\0\xFF\xFF\xFF\xFF", 12) + kEight});
  for (const char version : {0, 4, 9})
    files.push_back({"version", npy(header("'<f4'", "False", "(2,)"), kEight, version)});
  return files;
}

BadFiles types() {
  BadFiles files;
  for (const std::string descr :
       {"'|O'", "'O'", "'<c8'", "'<U2'", "'|S8'", "'<M8[ns]'", "'|V8'", "'<f16'", "'<f3'", "'<i16'", "''", "'<'", "4",
        "['<f4']", "[('a', '<f4')]", "'<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<'"}) {
    files.push_back({"type " + descr.substr(0, 20), npy(header(descr, "False", "(2,)"), kEight)});
  }
  return files;
}

BadFiles members() {
  BadFiles files = {{"a member that is no array", zip_bytes({{"a.npy", "hello"}})},
                    {"an empty member", zip_bytes({{"a.npy", ""}})},
                    {"a name twice", zip_bytes({{"a.npy", good()}, {"a.npy", good()}})}};
  auto cut = deflated_part("a.npy", good());
  cut.payload.resize(cut.payload.size() / 2);
  files.push_back({"a deflated member cut", zip_bytes({cut})});
  for (const std::size_t at : {0UL, 5UL, 20UL}) {
    auto noise = deflated_part("a.npy", good());
    noise.payload[at] = static_cast<char>(~noise.payload[at]);
    files.push_back({"a deflated member damaged at " + std::to_string(at), zip_bytes({noise})});
  }
  auto sum = deflated_part("a.npy", good());
  sum.crc = *sum.crc + 1;
  files.push_back({"a deflated member with another sum", zip_bytes({sum})});
  return files;
}

}  // namespace

BadFileClasses npy_classes() {
  const auto read = [](const std::filesystem::path& path) { open_tensor_file(path); };
  const auto make = [&](const std::string& name, std::function<BadFiles()> files, bool offset = true) {
    return BadFileClass{"Npy" + name, "tokens.npy", read, std::move(files), good(), offset};
  };
  return {make(
              "Truncated", [] { return truncations(good(), 24); }, false),
          make("Shapes", shapes),
          make("Headers", headers, false),
          make("Types", types),
          {"NpzTruncated", "masks.npz", read, [] { return truncations(good_npz()); }, good_npz()},
          {"NpzMembers", "masks.npz", read, members, good_npz()}};
}

}  // namespace lacuna::test
