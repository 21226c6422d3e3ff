//! What every page of ours is written with: text that is no markup, and a table.

/// `text` as it stands in a page, within quotes of either kind too: no markup, no control character.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            c if c.is_control() && c != '\n' && c != '\t' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// A table of cells that are markup already; the first of each row is its head.
pub(crate) fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let heads: String = heads.iter().map(|head| format!("<th scope=\"col\">{}</th>", escaped(head))).collect();
    let mut out = format!("<table><thead><tr>{heads}</tr></thead><tbody>\n");
    for row in rows {
        out += "<tr>";
        for (place, cell) in row.iter().enumerate() {
            out += &if place == 0 { format!("<th scope=\"row\">{cell}</th>") } else { format!("<td>{cell}</td>") };
        }
        out += "</tr>\n";
    }
    out + "</tbody></table>"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_is_markup() {
        assert_eq!(escaped("<a href='x'>&\"\u{1b}\n"), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;\u{fffd}\n");
    }

    #[test]
    fn heads_are_texts_and_cells_are_markup() {
        let rows = [vec!["<b>L4</b>".to_owned(), "1".to_owned()]];
        let said = "<table><thead><tr><th scope=\"col\">a &amp; b</th></tr></thead><tbody>\n\
                    <tr><th scope=\"row\"><b>L4</b></th><td>1</td></tr>\n</tbody></table>";
        assert_eq!(table(&["a & b"], &rows), said);
    }
}
