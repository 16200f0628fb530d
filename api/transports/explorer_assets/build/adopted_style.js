// Stands in for `react-style-singleton`, which writes <style> elements: a page without
// 'unsafe-inline' refuses those. A constructed sheet is CSSOM, which the policy allows.
import { useEffect } from "react";

export const styleHookSingleton = () => {
  let users = 0;
  let sheet = null;
  return (styles, isDynamic) => {
    useEffect(() => {
      if (users++ === 0) {
        sheet = new CSSStyleSheet();
        sheet.replaceSync(styles);
        document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
      }
      return () => {
        if (--users > 0) return;
        document.adoptedStyleSheets = document.adoptedStyleSheets.filter((one) => one !== sheet);
        sheet = null;
      };
    }, [styles && isDynamic]);
  };
};

export const styleSingleton = () => {
  const useStyle = styleHookSingleton();
  return ({ styles, dynamic }) => {
    useStyle(styles, dynamic);
    return null;
  };
};
