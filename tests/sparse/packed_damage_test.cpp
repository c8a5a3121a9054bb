// Damaged packed files: an Error with path and offset, never a wrong product.
#include <gtest/gtest.h>

#include "lacuna/core/error.hpp"
#include "lacuna/core/mapped_file.hpp"
#include "lacuna/sparse/carried_tensors.hpp"
#include "sparse/packed_file.hpp"
#include "support/temp_folder.hpp"

namespace lacuna {
namespace {

class PackedDamage : public testing::Test {
 protected:
  // Reads and verifies the file; the error that it must give.
  Error refusal(const test::PackedFile& file) {
    const auto path = folder_ / "model.safetensors";
    file.write(path);
    try {
      for (const auto& matrix : read_packed(read_safetensors(path))) matrix->verify();
    } catch (const Error& error) {
      EXPECT_EQ(error.path(), path);
      EXPECT_LT(error.byte_offset().value_or(0), std::filesystem::file_size(path));
      return error;
    }
    ADD_FAILURE() << "expected an Error";
    return {ErrorCode::internal, ""};
  }

  void expect_corrupt(const test::PackedFile& file, std::string_view words, bool with_offset = true) {
    const Error error = refusal(file);
    EXPECT_EQ(error.code(), ErrorCode::corrupt_file) << error.what();
    EXPECT_NE(error.message().find(words), std::string::npos) << error.what();
    EXPECT_EQ(error.byte_offset().has_value(), with_offset) << error.what();
  }

  test::TempFolder folder_;
  test::PackedFile bitmap_ = test::packed_file(test::sparse_matrix(DType::bf16, 40, 100, 0.5, 1), "w");
  test::PackedFile grouped_ = test::packed_file(test::grouped_matrix(DType::bf16, 40, 100, 2, 4, 1), "w");
};

TEST_F(PackedDamage, ABitMoreOrLessIsFoundAgainstTheStarts) {
  bitmap_.part(".bitmap").bytes[5] ^= std::byte{1};
  expect_corrupt(bitmap_, "ones before row 16");
}

TEST_F(PackedDamage, BitsBeyondTheColumnsAreRefused) {
  bitmap_.part(".bitmap").bytes[12] ^= std::byte{0x10};  // 100 columns: the upper half of a row's last byte
  expect_corrupt(bitmap_, "beyond its 100 columns");
}

TEST_F(PackedDamage, AMovedBitIsFoundByTheDigest) {
  auto& bytes = bitmap_.part(".bitmap").bytes;
  for (auto& byte : bytes) {  // the first byte with one set and one clear neighbour: swap them
    const auto low = std::to_integer<unsigned>(byte) & 3U;
    if (low != 1U && low != 2U) continue;
    byte ^= std::byte{3};
    break;
  }
  expect_corrupt(bitmap_, "SHA-256");
}

TEST_F(PackedDamage, AChangedValueIsFoundByTheDigest) {
  bitmap_.part(".values").bytes[77] ^= std::byte{0x40};
  expect_corrupt(bitmap_, "SHA-256");
  grouped_.part(".values").bytes[77] ^= std::byte{0x40};
  expect_corrupt(grouped_, "SHA-256");
}

TEST_F(PackedDamage, StartsThatDisagreeAreRefused) {
  bitmap_.part(".row_starts").bytes[8] ^= std::byte{4};
  expect_corrupt(bitmap_, "row_starts says");
}

TEST_F(PackedDamage, TooFewOrTooManyValuesAreRefused) {
  for (const int change : {-1, 1}) {
    test::PackedFile file = bitmap_;
    auto& values = file.part(".values");
    values.spec.shape[0] += change;
    values.bytes.resize(spec_bytes(values.spec));
    expect_corrupt(file, "values");
  }
}

TEST_F(PackedDamage, WrongShapesAndTypesAreRefused) {
  test::PackedFile file = bitmap_;
  file.part(".bitmap").spec.shape = {20, 26};
  expect_corrupt(file, ".bitmap");
  file = bitmap_;
  file.part(".row_starts").spec.dtype = DType::i64;
  expect_corrupt(file, ".row_starts");
  file = bitmap_;
  file.part(".values").spec.dtype = DType::i16;
  expect_corrupt(file, "F32, F16 or BF16");
  file = grouped_;
  file.part(".values").spec.shape = {50, 40};
  expect_corrupt(file, "values of shape");
}

TEST_F(PackedDamage, IndicesThatDoNotRiseAreRefused) {
  grouped_.part(".indices").bytes[30] = std::byte{0};
  expect_corrupt(grouped_, "do not rise");
}

TEST_F(PackedDamage, MissingPartsAreRefused) {
  for (const std::string suffix : {".bitmap", ".row_starts", ".values"}) {
    test::PackedFile file = bitmap_;
    std::erase_if(file.parts, [&](const test::FilePart& part) { return part.spec.name.ends_with(suffix); });
    expect_corrupt(file, suffix, false);
  }
}

TEST_F(PackedDamage, AMatrixThatIsPackedAndDenseIsRefused) {
  bitmap_.parts.push_back({{"w", DType::bf16, {40, 100}}, std::vector<std::byte>(8000)});
  expect_corrupt(bitmap_, "packed and dense", false);
}

TEST_F(PackedDamage, EveryChangeOfTheMetadataIsAnError) {
  const std::string sound = bitmap_.metadata.at("lacuna.packed");
  const auto replaced = [&](std::string_view from, std::string_view to) {
    test::PackedFile file = bitmap_;
    std::string text = sound;
    text.replace(text.find(from), from.size(), to);
    file.metadata["lacuna.packed"] = text;
    return file;
  };
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"bitmap", "bitmep"},
           {"bitmap", "grouped"},
           {"[40,100]", "[40,101]"},
           {"[40,100]", "[41,100]"},
           {"[40,100]", "[40]"},
           {"[40,100]", "[0,100]"},
           {"[40,100]", "[40,4294967296]"},
           {"[40,100]", "[40,-1]"},
           {"sha256\":\"", "sha256\":\"A"},
           {"\"w\":", "\"v\":"},
           {"\"shape\"", "\"shade\""},
           {"}}", "}"},
           {"}}", "},\"w\":{}}"},
           {"\"layout\":\"bitmap\",", "\"layout\":\"bitmap\",\"kept\":2,\"group\":4,"}}) {
    SCOPED_TRACE(from + " → " + to);
    EXPECT_EQ(refusal(replaced(from, to)).code(), ErrorCode::corrupt_file);
  }
}

TEST_F(PackedDamage, AnotherVersionIsNamed) {
  bitmap_.metadata["lacuna.version"] = "2";
  EXPECT_EQ(refusal(bitmap_).code(), ErrorCode::unsupported_format);
}

TEST_F(PackedDamage, AChangedCarriedTensorIsFoundByItsDigest) {
  const auto path = folder_ / "model.safetensors";
  test::FilePart norm = {{"norm", DType::f32, {5}}, std::vector<std::byte>(20, std::byte{3})};
  const auto digest = carried_digest({"norm", make_tensor_view(DType::f32, {5}, norm.bytes.data())});
  const auto verify = [&](std::string text, const test::FilePart& part) {
    test::PackedFile file = bitmap_;
    file.parts.push_back(part);
    file.metadata["lacuna.carried"] = std::move(text);
    file.write(path);
    const auto archive = read_safetensors(path);
    for (const auto& carried : carried_tensors(archive)) verify_carried(carried);
  };
  const std::string sound = R"({"norm":")" + digest + R"("})";
  EXPECT_NO_THROW(verify(sound, norm));
  test::FilePart changed = norm;
  changed.bytes[7] ^= std::byte{1};
  EXPECT_THROW(verify(sound, changed), Error);
  changed = norm;
  changed.spec.shape = {1, 5};  // the same bytes of another tensor
  EXPECT_THROW(verify(sound, changed), Error);
  changed.spec = {"norm", DType::i32, {5}};
  EXPECT_THROW(verify(sound, changed), Error);
  EXPECT_THROW(verify(R"({"moan":")" + digest + R"("})", norm), Error);
  EXPECT_THROW(verify(R"({"norm":"0"})", norm), Error);
  EXPECT_THROW(verify(R"({"norm":")" + digest + R"("})" + "x", norm), Error);
}

// Any single byte of the tensors changed, or the file cut: found, or (in the header) another Error.
TEST_F(PackedDamage, NoChangedByteGoesUnnoticed) {
  const auto path = folder_ / "sound.safetensors";
  test::packed_file(test::sparse_matrix(DType::f32, 18, 70, 0.7, 3), "w").write(path);
  const auto file = MappedFile::open(path);
  const std::string sound(reinterpret_cast<const char*>(file->bytes().data()), file->size());
  const std::size_t header = safetensors_header(*file).size();
  for (std::size_t at = header; at < sound.size(); at += 3) {
    std::string bytes = sound;
    bytes[at] = static_cast<char>(bytes[at] ^ 1 << (at % 8));
    const auto damaged = folder_.write("damaged.safetensors", bytes);
    const auto read = [&] {
      for (const auto& matrix : read_packed(read_safetensors(damaged))) matrix->verify();
    };
    ASSERT_THROW(read(), Error) << at;
  }
}

}  // namespace
}  // namespace lacuna
