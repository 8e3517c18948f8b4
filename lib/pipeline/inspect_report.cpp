// An inspection as text and as JSON.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/file.h"
#include "base/text.h"
#include "pipeline/inspect.h"

namespace multitalk {

namespace {

using Row = std::vector<std::string>;

/// Columns as wide as their widest cell, two blanks apart.
std::string table(const std::vector<Row>& rows, const std::string& indent) {
  std::vector<std::size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line = indent;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += fmt::format("{:<{}}", row[i], i + 1 < row.size() ? widths[i] + 2 : 0);
    }
    text += line + "\n";
  }
  return text;
}

/// "14.3 B", "2.5 M", "960".
std::string format_count(int64_t count) {
  constexpr std::array<std::pair<double, const char*>, 3> kUnits = {
      {{1e9, "B"}, {1e6, "M"}, {1e3, "K"}}};
  for (const auto& [size, unit] : kUnits) {
    if (static_cast<double>(count) >= size) {
      return fmt::format("{:.1f} {}", static_cast<double>(count) / size, unit);
    }
  }
  return std::to_string(count);
}

/// "BF16", or the share of each where there are several: "F8_E4M3 96 %, BF16 4 %".
std::string describe_dtypes(const InspectedPart& part) {
  if (part.elements.empty()) return "-";
  if (part.elements.size() == 1) return part.elements.begin()->first;
  std::vector<std::pair<int64_t, std::string>> by_count;
  for (const auto& [dtype, count] : part.elements) by_count.emplace_back(count, dtype);
  std::sort(by_count.rbegin(), by_count.rend());
  std::string text;
  const double total = static_cast<double>(std::max<int64_t>(part.parameters(), 1));
  for (const auto& [count, dtype] : by_count) {
    const double percent = 100 * static_cast<double>(count) / total;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", dtype,
                        percent < 1 ? "< 1 %" : fmt::format("{:.0f} %", percent));
  }
  return text;
}

std::string parts_table(const Inspection& inspection) {
  std::vector<Row> rows = {{"what", "format", "dtype", "parameters", "size", "files"}};
  for (const InspectedPart& part : inspection.parts) {
    const std::string files =
        part.files.size() == 1
            ? part.files.front().name
            : fmt::format("{} and {} more", part.files.front().name, part.files.size() - 1);
    rows.push_back({part.kind, part.format, describe_dtypes(part),
                    part.problem.empty() ? format_count(part.parameters()) : "-",
                    format_bytes(part.bytes()), files});
  }
  return table(rows, "  ");
}

std::string hash_table(const Inspection& inspection) {
  std::vector<Row> rows;
  for (const InspectedPart& part : inspection.parts) {
    for (const InspectedFile& file : part.files) {
      if (file.sha256) rows.push_back({*file.sha256, file.name});
    }
  }
  return rows.empty() ? "" : "SHA-256\n" + table(rows, "  ");
}

std::string tensor_table(const Inspection& inspection) {
  std::vector<Row> rows;
  for (const InspectedPart& part : inspection.parts) {
    for (const InspectedTensor& tensor : part.tensors) {
      rows.push_back({tensor.name, tensor.dtype, format_shape(tensor.shape), tensor.file});
    }
  }
  return "tensors\n" + table(rows, "  ");
}

std::string requirement_table(const Inspection& inspection) {
  if (inspection.requirements.empty()) return "";
  std::vector<Row> rows;
  for (const auto& [role, problem] : inspection.requirements) {
    rows.push_back({role, problem.empty() ? "ok" : problem.substr(0, problem.find('\n'))});
    std::istringstream details(problem);
    std::string line;
    std::getline(details, line);
    while (std::getline(details, line)) rows.push_back({"", line});
  }
  return "what generate needs of it\n" + table(rows, "  ");
}

std::string describe_manifest(const InspectedManifest& manifest) {
  std::string text = fmt::format("written by multitalk convert ({})", manifest.dtype);
  if (!manifest.complete) text += ", not finished";
  for (const std::string& name : manifest.damaged) text += "\n  changed since: " + name;
  return text + "\n";
}

nlohmann::ordered_json part_to_json(const InspectedPart& part, bool tensors) {
  nlohmann::ordered_json json = {{"kind", part.kind},
                                 {"format", part.format},
                                 {"dtypes", part.elements},
                                 {"tensor_count", part.tensors.size()},
                                 {"parameters", part.parameters()},
                                 {"bytes", part.bytes()},
                                 {"files", nlohmann::ordered_json::array()}};
  for (const InspectedFile& file : part.files) {
    nlohmann::ordered_json entry = {{"name", file.name}, {"bytes", file.bytes}};
    if (file.sha256) entry["sha256"] = *file.sha256;
    json["files"].push_back(std::move(entry));
  }
  if (!part.problem.empty()) json["problem"] = part.problem;
  if (!tensors) return json;
  json["tensors"] = nlohmann::ordered_json::array();
  for (const InspectedTensor& tensor : part.tensors) {
    json["tensors"].push_back({{"name", tensor.name},
                               {"dtype", tensor.dtype},
                               {"shape", tensor.shape},
                               {"file", tensor.file}});
  }
  return json;
}

}  // namespace

std::string describe_inspection(const Inspection& inspection, bool tensors) {
  std::string text = inspection.path + "\n";
  text += inspection.parts.empty() ? "  no weights\n" : parts_table(inspection);
  if (!inspection.layout.empty()) text += "audio weights: " + inspection.layout + "\n";
  text += requirement_table(inspection);
  if (inspection.manifest) text += describe_manifest(*inspection.manifest);
  text += hash_table(inspection);
  if (tensors) text += tensor_table(inspection);
  return text;
}

nlohmann::ordered_json inspection_to_json(const Inspection& inspection, bool tensors) {
  nlohmann::ordered_json json = {{"path", inspection.path},
                                 {"layout", inspection.layout},
                                 {"parts", nlohmann::ordered_json::array()},
                                 {"requirements", nlohmann::ordered_json::array()},
                                 {"problems", inspection.problems()}};
  for (const InspectedPart& part : inspection.parts) {
    json["parts"].push_back(part_to_json(part, tensors));
  }
  for (const Requirement& requirement : inspection.requirements) {
    json["requirements"].push_back({{"role", requirement.role},
                                    {"ok", requirement.problem.empty()},
                                    {"problem", requirement.problem}});
  }
  if (inspection.manifest) {
    json["manifest"] = {{"complete", inspection.manifest->complete},
                        {"dtype", inspection.manifest->dtype},
                        {"damaged", inspection.manifest->damaged}};
  }
  return json;
}

}  // namespace multitalk
