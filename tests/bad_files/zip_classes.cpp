// Zip archives: the container of .pt and .npz.
#include "bad_files/bad_file_classes.hpp"
#include "formats/pickle_bytes.hpp"
#include "formats/zip_bytes.hpp"
#include "lacuna/formats/tensor_archive.hpp"

namespace lacuna::test {
namespace {

std::vector<ZipPart> good_parts() {
  return pt_parts(pickle::proto() + pickle::vector(4) + ".", {{"0", std::string(16, '\1')}});
}
std::string good() { return zip_bytes(good_parts()); }

// The good archive with the part at `index` changed.
template <typename Change>
BadFile part(const std::string& what, const Change& change, std::size_t index = 2) {
  auto parts = good_parts();
  change(parts[index]);
  return {what, zip_bytes(parts)};
}

template <typename Change>
BadFile ending(const std::string& what, const Change& change) {
  ZipEnd end;
  change(end);
  return {what, zip_bytes(good_parts(), end)};
}

BadFiles bad_sums() {
  BadFiles files;
  for (const std::uint32_t crc : {0U, 1U, 0xFFFFFFFFU}) {
    for (const std::size_t index : {0UL, 1UL, 2UL}) {
      files.push_back(part(
          "sum " + std::to_string(crc) + " of part " + std::to_string(index), [&](ZipPart& p) { p.crc = crc; }, index));
      files.push_back(part(
          "local sum " + std::to_string(crc) + " of part " + std::to_string(index),
          [&](ZipPart& p) { p.local_crc = crc; }, index));
    }
  }
  return files;
}

BadFiles duplicates() {
  BadFiles files;
  for (std::size_t i = 0; i < 3; ++i) {
    auto parts = good_parts();
    parts.push_back(parts[i]);
    files.push_back({"part " + std::to_string(i) + " twice", zip_bytes(parts)});
    parts.back().payload = "other";
    files.push_back({"part " + std::to_string(i) + " twice, differing", zip_bytes(parts)});
    parts = good_parts();
    parts.insert(parts.begin(), parts[i]);
    files.push_back({"part " + std::to_string(i) + " twice, in front", zip_bytes(parts)});
  }
  return files;
}

BadFiles conflicts() {
  BadFiles files;
  for (const std::size_t i : {0UL, 2UL}) {
    files.push_back(part("local name", [](ZipPart& p) { p.local_name = "other/data.pkl"; }, i));
    files.push_back(part("longer local name", [](ZipPart& p) { p.local_name = p.name + "x"; }, i));
    files.push_back(part("local method", [](ZipPart& p) { p.local_method = 8; }, i));
    files.push_back(part("local encryption", [](ZipPart& p) { p.local_flags = 1; }, i));
    files.push_back(part("local size", [](ZipPart& p) { p.local_bytes = 17; }, i));
    files.push_back(part("stored size", [](ZipPart& p) { p.stored_bytes = 3; }, i));
    files.push_back(part("size", [](ZipPart& p) { p.bytes = 4; }, i));
  }
  return files;
}

BadFiles overlaps() {
  BadFiles files;
  for (const std::uint32_t offset : {0U, 1U, 30U, 100U, 0x7FFFFFFFU, 0xFFFFFFFEU}) {
    files.push_back(part("part 2 begins at " + std::to_string(offset), [&](ZipPart& p) { p.header_offset = offset; }));
  }
  files.push_back(part("part 1 runs over part 2", [](ZipPart& p) { p.stored_bytes = p.bytes = 60; }, 1));
  files.push_back(part("part 2 runs over the directory", [](ZipPart& p) { p.stored_bytes = p.bytes = 100; }));
  return files;
}

BadFiles bombs() {
  const std::string zeros(100'000'000, '\0');
  const auto bomb = deflated_part("x.npy", zeros);
  auto lying = bomb;
  lying.bytes = 100;
  auto greedy = bomb;
  greedy.bytes = 0xFFFFFFFE;
  std::vector<ZipPart> same;
  for (int i = 0; i < 50; ++i) {
    same.push_back(bomb);
    same.back().name = std::to_string(i) + ".npy";
    if (i > 0) same.back().header_offset = 0;
  }
  auto pickle_bomb = good_parts();
  pickle_bomb[0] = deflated_part("archive/data.pkl", zeros);
  return {{"a hundred megabytes of nothing", zip_bytes({bomb})},
          {"announced as a hundred bytes", zip_bytes({lying})},
          {"announced as four gigabytes", zip_bytes({greedy})},
          {"fifty times the same bytes", zip_bytes(same)},
          {"a compressed pickle", zip_bytes(pickle_bomb)}};
}

BadFiles endings() {
  BadFiles files;
  for (const std::uint16_t n : {0, 1, 2, 4, 65535}) {
    files.push_back(ending(std::to_string(n) + " entries", [&](ZipEnd& end) { end.entries = n; }));
  }
  for (const std::uint32_t n : {0U, 1U, 45U, 1000U, 0x7FFFFFFFU, 0xFFFFFFFFU}) {
    files.push_back(ending("a directory of " + std::to_string(n), [&](ZipEnd& end) { end.directory_bytes = n; }));
    files.push_back(ending("a directory at " + std::to_string(n), [&](ZipEnd& end) { end.directory_offset = n; }));
  }
  files.push_back(ending("disk 1", [](ZipEnd& end) { end.disk = 1; }));
  files.push_back(ending("a comment that is not there", [](ZipEnd& end) { end.comment_bytes = 10; }));
  files.push_back(ending("bytes behind the end", [](ZipEnd& end) { end.after = std::string(70'000, 'x'); }));
  files.push_back(ending("bytes before the end record", [](ZipEnd& end) { end.before = "xxxx"; }));
  return files;
}

BadFiles kinds() {
  BadFiles files;
  for (const std::uint16_t method : {1, 6, 8, 9, 12, 14, 93, 95, 99, 65535}) {
    files.push_back(part("method " + std::to_string(method), [&](ZipPart& p) { p.method = method; }));
  }
  for (const std::uint16_t flags : {0x1, 0x20, 0x40, 0x2000}) {
    files.push_back(part("flags " + std::to_string(flags), [&](ZipPart& p) { p.flags = flags; }));
  }
  files.push_back(part("disk 1", [](ZipPart& p) { p.disk = 1; }));
  return files;
}

}  // namespace

BadFileClasses zip_classes() {
  const auto read = [](const std::filesystem::path& path) { open_tensor_file(path); };
  const auto make = [&](const std::string& name, std::function<BadFiles()> files) {
    return BadFileClass{"Zip" + name, "model.pt", read, std::move(files), good()};
  };
  return {make("Truncated", [] { return truncations(good()); }),
          make("BadSums", bad_sums),
          make("Duplicates", duplicates),
          make("ConflictingHeaders", conflicts),
          make("Overlapping", overlaps),
          make("Bombs", bombs),
          make("EndRecords", endings),
          make("Kinds", kinds)};
}

}  // namespace lacuna::test
