//! From plotters' SVG to one that belongs to the page: colours become classes, the size becomes
//! that of the box, and a screen reader gets a title and a description.

use std::fmt::Write as _;

use super::Ink;

/// plotters places marks on whole pixels. Drawing larger by this factor, and letting the view box
/// scale it down again, places them on quarters.
pub(super) const SCALE: i32 = 4;

/// Escapes text for an element or for an attribute in double quotes.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Replaces the literal colours of plotters' output by classes.
pub(super) fn colours_to_classes(mut svg: String) -> String {
    for ink in Ink::all() {
        let plotters::style::RGBColor(r, g, b) = ink.sentinel();
        let literal = format!("#{r:02X}{g:02X}{b:02X}");
        if svg.contains(&literal) {
            let class = ink.class();
            svg = svg
                .replace(
                    &format!("stroke=\"{literal}\""),
                    &format!("class=\"s-{class}\""),
                )
                .replace(
                    &format!("fill=\"{literal}\""),
                    &format!("class=\"f-{class}\""),
                );
        }
    }
    svg.replace(" opacity=\"1\"", "")
        .replace(" font-family=\"sans-serif\"", "")
        .replace(" stroke=\"none\"", "")
}

/// The drawing within plotters' `<svg>` element.
pub(super) fn inner(svg: &str) -> &str {
    let start = svg.find('>').map_or(0, |at| at + 1);
    let end = svg.rfind("</svg>").unwrap_or(svg.len());
    svg[start..end.max(start)].trim()
}

/// An image element around a drawing of `width` × `height`.
pub(super) struct Image<'a> {
    pub(super) class: &'a str,
    /// Unique in the page.
    pub(super) id: &'a str,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) title: &'a str,
    pub(super) description: &'a str,
    /// Left, top, width and height of the plot within the image.
    pub(super) plot: (i32, i32, i32, i32),
}

impl Image<'_> {
    /// Writes the element. `drawing` is trusted, everything else is escaped.
    pub(super) fn write(&self, out: &mut String, drawing: &str) {
        let (left, top, width, height) = self.plot;
        let scale = SCALE as u32;
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            "<svg class=\"{class}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\" viewBox=\"0 0 {w} {h}\" \
             data-plot=\"{left} {top} {width} {height}\"><title id=\"{id}-t\">{title}</title>\
             <desc id=\"{id}-d\">{description}</desc>{drawing}</svg>",
            class = escape(self.class),
            id = escape(self.id),
            w = self.width * scale,
            h = self.height * scale,
            title = escape(self.title),
            description = escape(self.description),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_become_classes() {
        let plotters::style::RGBColor(r, g, b) = Ink::Cost.sentinel();
        let svg = format!("<rect opacity=\"1\" fill=\"#{r:02X}{g:02X}{b:02X}\" stroke=\"none\"/>");
        assert_eq!(colours_to_classes(svg), "<rect class=\"f-cost\"/>");
    }

    #[test]
    fn text_is_escaped() {
        let mut out = String::new();
        let image = Image {
            class: "wide",
            id: "c",
            width: 10,
            height: 10,
            title: "<script>alert(1)</script>",
            description: "\"quoted\" & 'single'",
            plot: (0, 0, 1, 1),
        };
        image.write(&mut out, "");
        assert!(!out.contains("<script>"));
        assert!(
            out.contains("&lt;script&gt;")
                && out.contains("&quot;quoted&quot; &amp; &#39;single&#39;")
        );
    }
}
